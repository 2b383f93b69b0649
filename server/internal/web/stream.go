package web

import (
	"bytes"
	"errors"
	"net/http"
	"time"

	"github.com/nattevakt/nattevakt/proto/id"
)

const (
	// pulse keeps a quiet stream open through proxies, and finds those that have gone.
	pulse = 20 * time.Second
	// streamLife ends every stream now and then; browsers come back by themselves.
	streamLife = time.Hour
)

// stream serves one page's changes as server-sent events (WHATWG HTML, 9.2). Each event is the whole of
// the page's live part. It ends when the session does.
func (s *site) stream(section string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := s.newRequest(w, r)
		if q.loggedIn = q.session(); !q.loggedIn {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		t, err := s.topicOf(q, section)
		if err != nil {
			q.fail(err)
			return
		}
		pieces, leave, ok := s.hub.join(t)
		if !ok {
			w.Header().Set("Retry-After", "60")
			q.fail(errCrowded)
			return
		}
		defer leave()
		q.follow(pieces)
	})
}

func (s *site) topicOf(q *request, section string) (topic, error) {
	name, err := id.ParseName(q.PathValue("cabinet"))
	if err != nil {
		return topic{}, errNotFound
	}
	if _, err := s.source.Cabinet(q.Context(), name); err != nil {
		return topic{}, err
	}
	return topic{section: section, cabinet: name, lang: q.lang}, nil
}

var errSessionEnded = errors.New("session ended")

// follow sends pieces until the browser leaves, the session ends, or the stream is old.
func (q *request) follow(pieces <-chan []byte) {
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies that gather answers would hold events back
	end, beat := time.NewTimer(streamLife), time.NewTicker(pulse)
	defer end.Stop()
	defer beat.Stop()
	err := q.write([]byte("retry: 3000\n\n"))
	for err == nil {
		select {
		case <-q.Context().Done():
			return
		case <-end.C:
			return
		case <-beat.C:
			err = q.write([]byte(":\n\n"))
		case p := <-pieces:
			err = q.write(event(p))
		}
	}
}

// write sends b at once, if the session still lives.
func (q *request) write(b []byte) error {
	if c, err := q.Cookie(sessionCookie); err != nil || !q.alive(c.Value) {
		return errSessionEnded
	}
	rc := http.NewResponseController(q.w)
	if err := rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := q.w.Write(b); err != nil {
		return err
	}
	return rc.Flush()
}

func (q *request) alive(cookie string) bool {
	_, ok := q.site.admin.Check(cookie, time.Now())
	return ok
}

// event frames a piece: each of its lines becomes a data line. A lone carriage return ends a line too.
func event(piece []byte) []byte {
	piece = bytes.ReplaceAll(piece, []byte("\r"), []byte("\n"))
	var b bytes.Buffer
	for line := range bytes.Lines(piece) {
		b.WriteString("data: ")
		b.Write(bytes.TrimSuffix(line, []byte("\n")))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.Bytes()
}
