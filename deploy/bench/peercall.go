//go:build linux

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// caller is a load generator in the form of `nattevakt sim agents`, as cheap as that: it writes its
// requests itself, one at a time on each connection.
type caller struct {
	address   string
	authority *peerCA
	rotate    int
	end       time.Time

	mu      sync.Mutex // guards all below
	next    int
	dialled uint64
	failed  uint64
	first   error
	took    []time.Duration
}

// callPeer runs a load and prints what came of it.
func callPeer(dir string, args []string) error {
	flags := flag.NewFlagSet(peerCall, flag.ContinueOnError)
	connections := flags.Int("connections", 500, "")
	rotate := flags.Int("rotate", 0, "")
	rate := flags.Int("rate", 0, "")
	duration := flags.Duration("duration", 10*time.Second, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *rate != 0 {
		return fmt.Errorf("--rate: the peer is called as fast as it answers")
	}
	address, err := os.ReadFile(filepath.Join(dir, peerAddress))
	if err != nil {
		return err
	}
	authority, err := openPeerCA(dir)
	if err != nil {
		return err
	}
	c := &caller{address: string(address), authority: authority, rotate: *rotate}
	result, err := c.run(*connections, *duration)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// run connects everybody, then lets them call until the time is up.
func (c *caller) run(connections int, duration time.Duration) (called, error) {
	conns := make([]*peerConn, connections)
	for i := range conns {
		var err error
		if conns[i], err = c.connect(); err != nil {
			return called{}, err
		}
	}
	start := time.Now()
	c.end = start.Add(duration)
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Go(func() { c.drive(conn) })
	}
	wg.Wait()
	return c.result(time.Since(start)), nil
}

func (c *caller) result(took time.Duration) called {
	r := called{CheckIns: uint64(len(c.took)), Failed: c.failed, Dialled: c.dialled, Seconds: took.Seconds()}
	r.PerSecond = float64(r.CheckIns) / r.Seconds
	if c.first != nil {
		r.FirstError = c.first.Error()
	}
	if len(c.took) == 0 {
		return r
	}
	slices.Sort(c.took)
	at := func(percent int) time.Duration { return c.took[(len(c.took)-1)*percent/100] }
	r.P50, r.P90, r.P99, r.Max = at(50), at(90), at(99), at(100)
	return r
}

// drive calls on one connection, for one device or for another after each rotate calls.
func (c *caller) drive(conn *peerConn) {
	var took []time.Duration
	var err error
	for calls := 1; time.Now().Before(c.end) && err == nil; calls++ {
		start := time.Now()
		if c.rotate > 0 && calls > c.rotate && (calls-1)%c.rotate == 0 {
			conn.close()
			if conn, err = c.connect(); err != nil {
				break
			}
		}
		if err = conn.checkIn(); err == nil {
			took = append(took, time.Since(start))
		}
	}
	if conn != nil {
		conn.close()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, took...)
	if err != nil {
		c.failed++
		c.first = err
	}
}

// peerConn is one device's connection.
type peerConn struct {
	conn    *tls.Conn
	in      *bufio.Reader
	request peerRequest
	body    bytes.Buffer
	out     []byte
	answer  []byte
}

func (c *caller) connect() (*peerConn, error) {
	c.mu.Lock()
	c.next++
	c.dialled++
	name := fmt.Sprintf("device-%d", c.next)
	c.mu.Unlock()
	cert, err := c.authority.issue(name)
	if err != nil {
		return nil, err
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", c.address, &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: c.authority.pool(), Certificates: []tls.Certificate{cert},
	})
	if err != nil {
		return nil, err
	}
	digest := strings.Repeat("5a", 16)
	return &peerConn{conn: conn, in: bufio.NewReader(conn), request: peerRequest{
		BootID: digest, HardwareDigest: digest, ReportDigest: digest, OnAC: true, BatteryPercent: 90,
	}}, nil
}

func (p *peerConn) close() { _ = p.conn.Close() } // nothing is owed to the server

func (p *peerConn) checkIn() error {
	p.request.Seq++
	p.request.DeviceTime = time.Now()
	p.body.Reset()
	if err := json.NewEncoder(&p.body).Encode(p.request); err != nil {
		return err
	}
	p.out = fmt.Appendf(p.out[:0], "POST %s HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		peerPath, p.body.Len(), p.body.Bytes())
	if _, err := p.conn.Write(p.out); err != nil {
		return err
	}
	return p.receive()
}

// receive reads one answer, whose length its head must give.
func (p *peerConn) receive() error {
	status, err := p.in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return fmt.Errorf("answer %q", status)
	}
	length := 0
	for line := ""; line != "\r\n"; {
		if line, err = p.in.ReadString('\n'); err != nil {
			return err
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if length == 0 || length > 64<<10 {
		return fmt.Errorf("answer of %d bytes", length)
	}
	p.answer = slices.Grow(p.answer[:0], length)[:length]
	_, err = io.ReadFull(p.in, p.answer)
	return err
}
