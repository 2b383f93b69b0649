package operatorcli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"
)

// exitCode is what scripts go by.
type exitCode int

// The exit codes. Their meaning never changes; new ones get new numbers.
const (
	exitOK          exitCode = 0
	exitFailed      exitCode = 1
	exitUsage       exitCode = 2
	exitNotFound    exitCode = 3
	exitRefused     exitCode = 4
	exitUnreachable exitCode = 5
	exitInput       exitCode = 6
	exitNotDone     exitCode = 7
	exitConflict    exitCode = 8
	exitInterrupted exitCode = 130 // 128 + SIGINT, as shells have it
)

// exitCodes is the table that help shows. name is what --json calls the code.
var exitCodes = []struct {
	code         exitCode
	name, nb, en string
}{
	{exitOK, "ok", "det gikk bra", "it went well"},
	{exitFailed, "failed", "det gikk ikke, av en annen grunn enn dem under", "it failed for another reason than those below"},
	{exitUsage, "usage", "kommandoen er skrevet feil, eller en verdi i den kan ikke brukes", "the command is written wrongly, or a value in it cannot be used"},
	{exitNotFound, "not_found", "det som er nevnt, finnes ikke", "what was named does not exist"},
	{exitRefused, "refused", "tilgang nektet, eller operatørfilen kan ikke brukes", "access refused, or the operator file cannot be used"},
	{exitUnreachable, "unreachable", "kontrollplanet svarer ikke", "the control plane does not answer"},
	{exitInput, "input", "filen som ble lest, har feil (delivery import)", "the file that was read has problems (delivery import)"},
	{exitNotDone, "not_done", "natten er over uten at alle maskiner kom i mål (--watch), eller ikke alle er klare (night --check)", "the night is over and not every device got there (--watch), or not every one is ready (night --check)"},
	{exitConflict, "conflict", "det finnes fra før, eller noen andre endret det samtidig", "it exists already, or somebody else changed it meanwhile"},
	{exitInterrupted, "interrupted", "avbrutt med Ctrl-C", "interrupted with Ctrl-C"},
}

func (e exitCode) String() string {
	for _, row := range exitCodes {
		if row.code == e {
			return row.name
		}
	}
	return fmt.Sprintf("exit_%d", int(e))
}

// newExitCodesTopic is read with nattevakt help exit-codes.
func newExitCodesTopic(c *CLI) *cobra.Command {
	var b bytes.Buffer
	fmt.Fprintln(&b, c.t("Sluttkoder som skript kan stole på:", "Exit codes that scripts can rely on:"))
	fmt.Fprintln(&b)
	for _, row := range exitCodes {
		fmt.Fprintf(&b, "%5d  %-12s %s\n", row.code, row.name, c.t(row.nb, row.en))
	}
	return &cobra.Command{
		Use:   "exit-codes",
		Short: c.t("sluttkodene", "the exit codes"),
		Long:  b.String(),
	}
}
