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
	With   bool       `json:"with"`
	Values []*float64 `json:"values"`
}

type band struct {
	Name  string    `json:"name"`
	Spans []sojourn `json:"spans"`
}

type sojourn struct {
	State string  `json:"state"`
	From  float64 `json:"from"`
	To    float64 `json:"to"`
}

type row struct {
	Name  string
	With  bool
	Cells []string
}

func writeReport(path string, runs []*Run, checks []Check) error {
	script, err := os.ReadFile(filepath.Join(*charts, "uPlot.iife.min.js"))
	if err != nil {
		return err
	}
	style, err := os.ReadFile(filepath.Join(*charts, "uPlot.min.css"))
	if err != nil {
		return err
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
		"Script": template.JS(script), "Style": template.CSS(style), "Data": template.JS(data),
		"Checks": checks, "Scenes": scenes, "Rows": rows(runs),
		"Known": known, "Strangers": strangers, "Rate": rate,
	})
}

func draw(runs []*Run) pictures {
	on := runs[0]
	end := on.entered[len(on.entered)-1] + scenes[len(scenes)-1].Length
	p := pictures{Length: end.Seconds()}
	for second := range int(end / time.Second) {
		p.Seconds = append(p.Seconds, second)
	}
	for i, at := range on.entered {
		to := end
		if i+1 < len(on.entered) {
			to = on.entered[i+1]
		}
		p.Scenes = append(p.Scenes, sceneSpan{scenes[i].Name, at.Seconds(), to.Seconds(), scenes[i].Outage})
	}
	for _, run := range runs {
		p.Load = append(p.Load, run.loadLine(len(p.Seconds)))
		for i := range run.Services {
			p.Success = append(p.Success, run.successLine(i, len(p.Seconds)))
		}
	}
	for i := range on.Services {
		p.Bands = append(p.Bands, on.band(i, end))
	}
	return p
}

func (r *Run) loadLine(seconds int) line {
	counts := make([]float64, seconds)
	for _, seen := range r.seen {
		if second := int(r.since(seen) / time.Second); second >= 0 && second < seconds {
			counts[second]++
		}
	}
	l := line{Name: r.Name + " Seawall", With: r.Name == "with"}
	for i := range counts {
		l.Values = append(l.Values, &counts[i])
	}
	return l
}

func (r *Run) successLine(service, seconds int) line {
	right, all := make([]float64, seconds), make([]float64, seconds)
	for _, answer := range r.answers {
		if second := int(answer.At / time.Second); answer.Service == service && second < seconds {
			all[second]++
			if answer.Right {
				right[second]++
			}
		}
	}
	l := line{Name: r.Services[service].Name + ", " + r.Name, With: r.Name == "with"}
	for i := range all {
		if all[i] == 0 {
			l.Values = append(l.Values, nil)
			continue
		}
		value := 100 * right[i] / all[i]
		l.Values = append(l.Values, &value)
	}
	return l
}

func (r *Run) band(service int, end time.Duration) band {
	b := band{Name: r.Services[service].Name}
	for _, state := range r.states {
		if state.Service != service {
			continue
		}
		at := state.At.Seconds()
		if n := len(b.Spans); n > 0 {
			b.Spans[n-1].To = at
			if b.Spans[n-1].State == state.State {
				continue
			}
		} else {
			at = 0
		}
		b.Spans = append(b.Spans, sojourn{state.State, at, end.Seconds()})
	}
	if n := len(b.Spans); n > 0 {
		b.Spans[n-1].To = end.Seconds()
	}
	return b
}

func rows(runs []*Run) []row {
	var rows []row
	for _, run := range runs {
		with := run.Name == "with"
		for i, service := range run.Services {
			r := row{Name: service.Name + " (" + service.Kind + ")", With: with}
			for scene := range scenes {
				right, _ := run.share(func(a Answer) bool { return a.Scene == scene && a.Service == i })
				r.Cells = append(r.Cells, percent(right))
			}
			rows = append(rows, r)
		}
		r := row{Name: "requests that identity saw", With: with}
		for scene := range scenes {
			r.Cells = append(r.Cells, number(run.seenIn(scene)))
		}
		rows = append(rows, r)
	}
	return rows
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func number(n int) string { return fmt.Sprintf("%d", n) }
