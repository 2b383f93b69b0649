package operatorfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Variable names a file in the environment.
const Variable = "NATTEVAKT_OPERATOR"

// NotFoundError says that no file is at any of the places.
type NotFoundError struct{ Places []string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("no operator file; looked at %s", strings.Join(e.Places, ", "))
}

// Find gives the path of the file to use: named if not empty, else the one that the environment names,
// else the first that exists of data/operator/operator.json below the working folder and
// nattevakt/operator.json below the folder of a person's settings (config; empty if unknown). What was
// named must be there. The error is a *NotFoundError with all the places looked at.
func Find(named, fromEnvironment, config string) (string, error) {
	places := []string{filepath.Join("data", "operator", "operator.json")}
	if config != "" {
		places = append(places, filepath.Join(config, "nattevakt", "operator.json"))
	}
	switch {
	case named != "":
		places = []string{named}
	case fromEnvironment != "":
		places = []string{fromEnvironment}
	}
	for _, p := range places {
		_, err := os.Stat(p)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("operator file: %w", err)
		}
	}
	return "", &NotFoundError{Places: places}
}
