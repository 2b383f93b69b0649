package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/nattevakt/nattevakt/server/internal/ca"
	"github.com/nattevakt/nattevakt/server/internal/sim"
	"github.com/nattevakt/nattevakt/server/internal/store/bolt"
)

func newSimCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Lastprøve / load test a control plane on this machine",
		Long: `Measures what a control plane carries. "sim seed" fills a new data folder with enrolled devices that do
not exist; "sim agents" poses as them. Use a folder made for the purpose, never a real one.`,
	}
	cmd.AddCommand(newSimSeedCommand(), newSimAgentsCommand())
	return cmd
}

func newSimSeedCommand() *cobra.Command {
	var data string
	var devices uint64
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Fyll en ny datamappe / fill a new data folder with enrolled devices",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return seed(cmd.Context(), data, devices, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "data folder, made here")
	cmd.Flags().Uint64Var(&devices, "devices", 1_000_000, "how many devices")
	_ = cmd.MarkFlagRequired("data") // exists, two lines above
	return cmd
}

func seed(ctx context.Context, data string, devices uint64, progress io.Writer) (err error) {
	_, made, err := ca.Open(filepath.Join(data, caDir), ca.Options{}, time.Now())
	if err != nil {
		return err
	}
	if !made {
		return fmt.Errorf("%s is a data folder already; simulated devices go into a new one only", data)
	}
	s, err := bolt.Open(filepath.Join(data, storeFile), bolt.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	start := time.Now()
	err = sim.Seed(ctx, s, devices, start, func(n uint64) {
		if n%100_000 == 0 {
			fmt.Fprintf(progress, "%d devices, %.0f s\n", n, time.Since(start).Seconds())
		}
	})
	return err
}

func newSimAgentsCommand() *cobra.Command {
	var data string
	l := sim.Load{Connections: 500, Duration: 15 * time.Second}
	cmd := &cobra.Command{
		Use:   "agents",
		Short: "Spill mange maskiner / pose as the devices of sim seed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			authority, _, err := ca.Open(filepath.Join(data, caDir), ca.Options{}, time.Now())
			if err != nil {
				return err
			}
			l.Authority = authority
			r, err := l.Run(cmd.Context())
			if err != nil {
				return err
			}
			return printResult(cmd.OutOrStdout(), r, wantsJSON(cmd))
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&data, "data", "", "the data folder that was seeded; its authority signs the devices' certificates")
	fs.StringVar(&l.Server, "server", "127.0.0.1:7443", "the machines' listener; only a loopback address makes sense")
	fs.Uint64Var(&l.Devices, "devices", 1_000_000, "how many devices were seeded")
	fs.IntVar(&l.Connections, "connections", l.Connections, "devices connected at the same time")
	fs.IntVar(&l.Rotate, "rotate", 0, "check-ins after which the next device takes a connection's place; 0 for never")
	fs.IntVar(&l.Rate, "rate", 0, "check-ins due a second, all together; 0 for as many as are answered")
	fs.DurationVar(&l.Duration, "duration", l.Duration, "how long to count")
	_ = cmd.MarkFlagRequired("data") // exists, some lines above
	return cmd
}

func printResult(w io.Writer, r sim.Result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "check-ins  %d in %.1f s: %.0f a second, %d failed, %d missed, %d connections made\nlatency    p50 %v  p90 %v  p99 %v  max %v\n",
		r.CheckIns, r.Seconds, r.PerSecond, r.Failed, r.Missed, r.Dialled, r.P50, r.P90, r.P99, r.Max)
	if r.FirstError != "" {
		return errors.Join(err, fmt.Errorf("first failure: %s", r.FirstError))
	}
	return err
}
