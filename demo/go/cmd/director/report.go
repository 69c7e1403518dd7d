package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"time"
)

//go:embed report.html
var page string

// What the page draws: one value a second.
type pictures struct {
	Seconds []int       `json:"seconds"`
	Scenes  []sceneSpan `json:"scenes"`
	Load    []line      `json:"load"`
	Success []line      `json:"success"`
	Slowest []line      `json:"slowest"`
	Bands   []band      `json:"bands"`
	Length  float64     `json:"length"`
}

type sceneSpan struct {
	Name   string  `json:"name"`
	From   float64 `json:"from"`
	To     float64 `json:"to"`
	Outage bool    `json:"outage"`
}

type line struct {
	Name   string     `json:"name"`
	Dash   int        `json:"dash"`
	Way    string     `json:"way"`
	Values []*float64 `json:"values"`
}

type band struct {
	// The title of a group of bands, said by the first of them.
	Title string    `json:"title"`
	Name  string    `json:"name"`
	Spans []sojourn `json:"spans"`
}

type sojourn struct {
	State string  `json:"state"`
	From  float64 `json:"from"`
	To    float64 `json:"to"`
}

// Figure is a number worth a large type, for each way.
type Figure struct {
	What   string
	Values []Value
}

// Value is what a figure was in one way.
type Value struct {
	Way
	Text string
}

func writeReport(path string, runs []*Run, checks []Check, policy Policy) error {
	var library [3]string
	for i, name := range []string{"../LICENSE", "uPlot.iife.min.js", "uPlot.min.css"} {
		text, err := os.ReadFile(filepath.Join(*charts, name))
		if err != nil {
			return err
		}
		library[i] = string(text)
	}
	data, err := json.Marshal(draw(runs))
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	return template.Must(template.New("report").Parse(page)).Execute(out, map[string]any{
		"Script": template.JS("/*\n" + library[0] + "*/\n" + library[1]), "Style": template.CSS(library[2]),
		"Data": template.JS(data), "Checks": checks, "Scenes": scenes, "Rows": rows(runs), "Figures": figures(runs, policy), "Ways": ways,
		"Known": known, "Workers": *workers, "Strangers": strangers, "Rate": rate,
	})
}

func figures(runs []*Run, policy Policy) []Figure {
	figure := func(what string, value func(*Run) string) Figure {
		f := Figure{What: what}
		for _, run := range runs {
			f.Values = append(f.Values, Value{run.Way, value(run)})
		}
		return f
	}
	return []Figure{
		figure("of the outage's requests answered rightly", func(r *Run) string {
			right, _ := r.share(inOutage)
			return fmt.Sprintf("%.1f %%", 100*right)
		}),
		figure("requests failed at identity until every worker had found the outage", func(r *Run) string {
			if !r.On {
				return "no end"
			}
			return fmt.Sprint(r.cost(policy))
		}),
		figure("requests reached identity in the outage", func(r *Run) string {
			return fmt.Sprint(r.seenBetween(r.outage()))
		}),
		figure("within which 99 of 100 were answered in the outage", func(r *Run) string {
			took, _ := r.slowest(inOutage)
			return fmt.Sprintf("%d ms", took.Milliseconds())
		}),
	}
}

func draw(runs []*Run) pictures {
	on := runs[0]
	end := on.entered[len(on.entered)-1] + scenes[len(scenes)-1].Length
	p := pictures{Length: end.Seconds()}
	for second := range int(end / time.Second) {
		p.Seconds = append(p.Seconds, second)
	}
	for i := range on.entered {
		from, to := on.span(i)
		p.Scenes = append(p.Scenes, sceneSpan{scenes[i].Name, from.Seconds(), min(to, end).Seconds(), scenes[i].Outage})
	}
	for _, run := range runs {
		add := func(to *[]line, name string, dash int, value func(from, to time.Duration) (float64, bool)) {
			l := line{Name: name + run.Title, Dash: dash, Way: run.Key}
			for _, second := range p.Seconds {
				from := time.Duration(second) * time.Second
				if v, found := value(from, from+time.Second); found {
					l.Values = append(l.Values, &v)
				} else {
					l.Values = append(l.Values, nil)
				}
			}
			*to = append(*to, l)
		}
		add(&p.Load, "", 0, func(from, to time.Duration) (float64, bool) {
			return float64(run.seenBetween(from, to)), true
		})
		add(&p.Slowest, "", 0, func(from, to time.Duration) (float64, bool) {
			took, found := run.slowest(func(a Answer) bool { return a.At >= from && a.At < to })
			return float64(took) / float64(time.Millisecond), found
		})
		// Two ways that answer alike would hide each other.
		if run.Key == "apart" {
			continue
		}
		for i, service := range services {
			add(&p.Success, service.Name+", ", i, func(from, to time.Duration) (float64, bool) {
				right, of := run.share(func(a Answer) bool { return a.Service == i && a.At >= from && a.At < to })
				return 100 * right, of > 0
			})
		}
	}
	for _, run := range runs {
		for i := range run.Workers {
			if !run.On {
				continue
			}
			b := run.band(i, end)
			if i == 0 {
				b.Title = run.Title
			}
			p.Bands = append(p.Bands, b)
		}
	}
	return p
}

// band is the life of a worker's circuit.
func (r *Run) band(worker int, end time.Duration) band {
	b := band{Name: r.Workers[worker].Name}
	for _, state := range r.states {
		if state.Worker != worker {
			continue
		}
		at, n := state.At.Seconds(), len(b.Spans)
		switch {
		case n == 0:
			at = 0
		case b.Spans[n-1].State == state.State:
			continue
		default:
			b.Spans[n-1].To = at
		}
		b.Spans = append(b.Spans, sojourn{state.State, at, end.Seconds()})
	}
	return b
}
