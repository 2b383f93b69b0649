package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/agent/internal/job"
	"github.com/nattevakt/nattevakt/agent/internal/state"
	"github.com/nattevakt/nattevakt/agent/internal/status"
	"github.com/nattevakt/nattevakt/proto/reason"
)

func newStatus() *cobra.Command {
	var folder string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Vis identitet, kontakt, jobb og klokke (show identity, contact, job and clock)",
		Long: "Leser mappen som agenten holder oppdatert; agenten blir ikke forstyrret.\n" +
			"Reads the folder that the agent keeps up to date; the agent is not disturbed.\n\n" +
			fmt.Sprintf("Exit codes: %d in touch, 1 trouble, 2 usage, %d not enrolled, %d waiting to be let in, %d refused, %d out of touch.",
				status.InTouch, status.NotEnrolled, status.Waiting, status.Refused, status.OutOfTouch),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := readStatus(state.At(folder))
			if err != nil {
				return err
			}
			if err := showStatus(cmd, s, asJSON); err != nil {
				return err
			}
			if code := s.ExitCode(time.Now()); code != status.InTouch {
				return &exitError{code, errQuiet}
			}
			return nil
		},
	}
	registerState(cmd.Flags(), &folder)
	cmd.Flags().BoolVar(&asJSON, "json", false, "skriv JSON (write JSON)")
	return cmd
}

func readStatus(folder *state.Folder) (status.Status, error) {
	s := status.Status{State: status.StateNotEnrolled, Version: version}
	if err := folder.ReadJSON(status.FileName, &s); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	journal, err := job.Read(folder)
	if err != nil {
		return s, err
	}
	s.Job = journal.Status()
	return s, nil
}

func showStatus(cmd *cobra.Command, s status.Status, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(cmd.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	line := func(name, format string, args ...any) {
		cmd.Printf("%-28s "+format+"\n", append([]any{name}, args...)...)
	}
	line("Tilstand (state)", "%s", s.State)
	if s.Device != "" {
		line("Maskin (device)", "%s", s.Device)
		line("Nøkkel (key)", "%s", s.KeyHeld)
		line("Sertifikat til (until)", "%s", s.CertificateNotAfter.Format(time.DateOnly))
	}
	for _, server := range s.Servers {
		line("Kontrollplan (server)", "%s", server)
	}
	if !s.LastContact.IsZero() {
		line("Siste kontakt (contact)", "%s", s.LastContact.Format(time.DateTime))
	}
	if !s.Next.IsZero() {
		line("Neste (next)", "%s", s.Next.Format(time.DateTime))
	}
	if s.ClockWrong {
		line("Klokka går feil (clock)", "%s", s.ClockOffset)
	}
	showReason(line, "Årsak (reason)", s.Reason)
	if s.Problem != "" {
		line("Problem", "%s", s.Problem)
	}
	showJob(line, s.Job)
	return nil
}

func showJob(line func(name, format string, args ...any), j *job.Status) {
	if j == nil {
		line("Jobb (job)", "ingen (none)")
		return
	}
	line("Jobb (job)", "%s forsøk (attempt) %d", j.Job, j.Attempt)
	line("Utgave (release)", "%s %s", j.Image, j.Release)
	line("Steg (phase)", "%s %s", j.Phase, j.State)
	showReason(line, "Jobbens årsak (reason)", j.Reason)
}

func showReason(line func(name, format string, args ...any), title, name string) {
	if name == "" {
		return
	}
	code, err := reason.Parse(name)
	if err != nil {
		line(title, "%s", name)
		return
	}
	line(title, "%s", code.Sentence("nb"))
	line("", "%s", code.Sentence("en"))
}
