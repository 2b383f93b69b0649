// Hello is a Windows program for the tests of package wine.
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Println("hello", runtime.GOOS, os.Args[1:])
}
