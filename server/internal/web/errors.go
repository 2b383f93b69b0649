package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/nattevakt/nattevakt/server/internal/control"
)

// problem is an error that has a page: what happened, what is safe, and what to do.
type problem struct {
	status   int
	title    words
	happened words
	safe     words
	todo     words
}

// words is one text in both languages.
type words struct{ nb, en string }

func (p *problem) Error() string { return p.title.en }

var nothingChanged = words{"Ingenting er endret.", "Nothing has changed."}

// The problems that pages can meet.
var (
	errNoPage = &problem{
		status:   http.StatusNotFound,
		title:    words{"Siden finnes ikke", "There is no such page"},
		happened: words{"Adressen fører ikke til noen side i Nattevakt.", "The address leads to no page of Nattevakt."},
		safe:     nothingChanged,
		todo:     words{"Sjekk adressen, eller begynn på forsiden.", "Check the address, or start from the front page."},
	}
	errNotFound = &problem{
		status:   http.StatusNotFound,
		title:    words{"Fant ikke det du lette etter", "What you looked for was not found"},
		happened: words{"Maskinen eller ladeskapet finnes ikke, eller har fått et annet navn.", "The device or cabinet does not exist, or has another name now."},
		safe:     nothingChanged,
		todo:     words{"Søk etter serienummer eller navn, eller begynn på forsiden.", "Search for a serial number or a name, or start from the front page."},
	}
	errBadFilter = &problem{
		status:   http.StatusBadRequest,
		title:    words{"Utvalget er ikke gyldig", "The selection is not valid"},
		happened: words{"Adressen ber om en eier, en skole, et ladeskap eller en tilstand som ikke kan finnes, eller et for langt søk.", "The address asks for an owner, site, cabinet or state that cannot exist, or the search is too long."},
		safe:     nothingChanged,
		todo:     words{"Gå til maskinlisten og velg på nytt.", "Go to the list of devices and choose again."},
	}
	errForeignForm = &problem{
		status:   http.StatusForbidden,
		title:    words{"Forespørselen kom fra en annen side", "The request came from another site"},
		happened: words{"Et skjema på et annet nettsted prøvde å gjøre noe i Nattevakt på dine vegne.", "A form on another web site tried to do something in Nattevakt on your behalf."},
		safe:     words{"Det ble stanset. Ingenting er endret.", "It was stopped. Nothing has changed."},
		todo:     words{"Var det deg, gjør det fra Nattevakts egne sider.", "If it was you, do it from Nattevakt's own pages."},
	}
	errTooLarge = &problem{
		status:   http.StatusRequestEntityTooLarge,
		title:    words{"Skjemaet er for stort", "The form is too large"},
		happened: words{"Det som ble sendt, er større enn noe skjema her.", "What was sent is larger than any form here."},
		safe:     nothingChanged,
		todo:     words{"Gå tilbake og prøv igjen.", "Go back and try again."},
	}
	errSlow = &problem{
		status:   http.StatusServiceUnavailable,
		title:    words{"Nattevakt svarte ikke i tide", "Nattevakt did not answer in time"},
		happened: words{"Svaret lot vente på seg, og siden ga opp.", "The answer took too long, and the page gave up."},
		safe:     words{"Arbeidet i natt går videre uten denne siden.", "Tonight's work goes on without this page."},
		todo:     words{"Vent et øyeblikk og last siden på nytt.", "Wait a moment and load the page again."},
	}
	errCrowded = &problem{
		status:   http.StatusServiceUnavailable,
		title:    words{"For mange følger med akkurat nå", "Too many are watching right now"},
		happened: words{"Alle plassene for direkte oppdatering er i bruk.", "Every place for live updates is taken."},
		safe:     words{"Siden virker, men oppdaterer seg ikke selv.", "The page works, but does not update by itself."},
		todo:     words{"Last siden på nytt for å se siste stand.", "Load the page again to see how things stand."},
	}
	errInternal = &problem{
		status:   http.StatusInternalServerError,
		title:    words{"Noe gikk galt hos oss", "Something went wrong on our side"},
		happened: words{"Siden kunne ikke lages. Feilen er skrevet i loggen.", "The page could not be made. The fault has been logged."},
		safe:     words{"Maskinene og arbeidet i natt er ikke berørt.", "Devices and tonight's work are not affected."},
		todo:     words{"Prøv igjen. Skjer det på nytt, gi nummeret nedenfor til den som drifter Nattevakt.", "Try again. If it happens again, give the number below to whoever runs Nattevakt."},
	}
)

// problemOf finds the page for err.
func problemOf(err error) *problem {
	var p *problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, control.ErrNotFound):
		return errNotFound
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return errSlow
	default:
		return errInternal
	}
}

// fail answers with the page for err, and logs what was the server's own doing.
func (q *request) fail(err error) {
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		q.site.log.Error("page failed", slog.String("request", q.id), slog.String("path", q.URL.Path), slog.Any("error", err))
	}
	v := errorView{
		page:      q.newPage("", ""),
		Happened:  p.happened.in(q.lang),
		Safe:      p.safe.in(q.lang),
		Todo:      p.todo.in(q.lang),
		RequestID: q.id,
	}
	v.Title = p.title.in(q.lang)
	if err := q.render(p.status, "error", v); err != nil {
		http.Error(q.w, p.title.in(q.lang)+" ("+q.id+")", p.status)
	}
}

type errorView struct {
	page
	Happened, Safe, Todo, RequestID string
}

func (w words) in(lang string) string {
	if lang == english {
		return w.en
	}
	return w.nb
}
