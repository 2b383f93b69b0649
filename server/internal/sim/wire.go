package sim

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	dialTime = 10 * time.Second
	// maxAnswer bounds an answer; a check-in's is below 100 bytes.
	maxAnswer = 64 << 10
	// windowGrant is after how many received bytes the server may send as many more: half of HTTP/2's
	// first window, RFC 9113 6.9.2.
	windowGrant = 32 << 10
)

// wire is a connection that speaks as much HTTP/2 as one unary gRPC call at a time needs. grpc-go's own
// client costs more per call than the server it calls, and both share this machine's cores; with it, the
// generator would be what is measured. What goes over the line is the same. Not safe for concurrent use.
type wire struct {
	conn     *tls.Conn
	frames   *http2.Framer // reads from conn, writes to pending
	pending  bytes.Buffer  // sent as one TLS record
	headers  bytes.Buffer
	hpack    *hpack.Encoder
	method   string
	body     []byte
	answer   []byte
	stream   uint32
	received uint32
}

// dialWire connects, shakes hands and opens HTTP/2; method is the only one that will be called.
func dialWire(addr, method string, c *tls.Config) (*wire, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: dialTime}, "tcp", addr, c)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, method: method, stream: 1}
	w.hpack = hpack.NewEncoder(&w.headers)
	w.frames = http2.NewFramer(&w.pending, conn)
	w.frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.frames.SetReuseFrames()
	w.pending.WriteString(http2.ClientPreface)
	return w, w.frames.WriteSettings()
}

func (w *wire) close() { _ = w.conn.Close() } // nothing is owed to the server

// setDeadline bounds every call from now on.
func (w *wire) setDeadline(t time.Time) error { return w.conn.SetDeadline(t) }

// call makes one call. The error is a gRPC status where the server gave one.
func (w *wire) call(req, resp proto.Message) error {
	if err := w.send(req); err != nil {
		return err
	}
	code, message, err := w.receive()
	if err != nil {
		return err
	}
	w.stream += 2
	if code != codes.OK {
		return status.Error(code, message)
	}
	if len(w.answer) < 5 || int(binary.BigEndian.Uint32(w.answer[1:])) != len(w.answer)-5 {
		return fmt.Errorf("answer of %d bytes is not one gRPC message", len(w.answer))
	}
	return proto.Unmarshal(w.answer[5:], resp)
}

func (w *wire) send(req proto.Message) (err error) {
	w.headers.Reset()
	for _, h := range [...][2]string{
		{":method", "POST"}, {":scheme", "https"}, {":path", w.method}, {":authority", "nattevakt"},
		{"content-type", "application/grpc"}, {"user-agent", "nattevakt-sim"}, {"te", "trailers"}, {"grpc-timeout", "30S"},
	} {
		if err := w.hpack.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]}); err != nil {
			return err
		}
	}
	if w.body, err = (proto.MarshalOptions{}).MarshalAppend(append(w.body[:0], 0, 0, 0, 0, 0), req); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(w.body[1:], uint32(len(w.body)-5))
	err = w.frames.WriteHeaders(http2.HeadersFrameParam{StreamID: w.stream, BlockFragment: w.headers.Bytes(), EndHeaders: true})
	if err != nil {
		return err
	}
	if err := w.frames.WriteData(w.stream, true, w.body); err != nil {
		return err
	}
	return w.flush()
}

func (w *wire) flush() error {
	_, err := w.pending.WriteTo(w.conn)
	return err
}

// receive reads until the call's stream ends.
func (w *wire) receive() (codes.Code, string, error) {
	w.answer = w.answer[:0]
	for {
		f, err := w.frames.ReadFrame()
		if err != nil {
			return 0, "", err
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			err = w.take(f.Data())
		case *http2.MetaHeadersFrame:
			if f.StreamEnded() {
				return trailers(f)
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = w.frames.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = w.frames.WritePing(true, f.Data)
			}
		case *http2.RSTStreamFrame:
			return 0, "", fmt.Errorf("server reset the stream: %v", f.ErrCode)
		case *http2.GoAwayFrame:
			return 0, "", fmt.Errorf("server closes the connection: %v: %w", f.ErrCode, net.ErrClosed)
		}
		if err != nil {
			return 0, "", err
		}
	}
}

// take keeps a part of the answer, and lets the server send as much again now and then.
func (w *wire) take(part []byte) error {
	if len(w.answer)+len(part) > maxAnswer {
		return fmt.Errorf("answer of more than %d bytes", maxAnswer)
	}
	w.answer = append(w.answer, part...)
	if w.received += uint32(len(part)); w.received < windowGrant {
		return nil
	}
	granted := w.received
	w.received = 0
	return w.frames.WriteWindowUpdate(0, granted)
}

// trailers reads the status that ends a gRPC answer.
func trailers(f *http2.MetaHeadersFrame) (code codes.Code, message string, err error) {
	code = codes.Unknown
	for _, h := range f.RegularFields() {
		switch h.Name {
		case "grpc-status":
			n, err := strconv.ParseUint(h.Value, 10, 32)
			if err != nil {
				return 0, "", fmt.Errorf("grpc-status: %w", err)
			}
			code = codes.Code(n)
		case "grpc-message":
			message = h.Value
		}
	}
	return code, message, nil
}
