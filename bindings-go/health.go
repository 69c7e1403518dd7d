package seawall

import (
	"encoding/json"
	"net/http"
)

// Health is the answer of a health check.
type Health struct {
	// Status is "ok", or "degraded" while a breaker is not closed.
	Status string `json:"status"`
	// Breakers has the state of each named policy's breaker that is not closed.
	Breakers map[string]string `json:"breakers,omitempty"`
}

// CheckHealth looks at every named policy of the process.
func CheckHealth() Health { return Default().CheckHealth() }

// CheckHealth looks at every named policy of the registry.
func (r *Registry) CheckHealth() Health {
	r.sync()
	var policies []struct {
		Name    string `json:"name"`
		Breaker *struct {
			State string `json:"state"`
		} `json:"breaker"`
	}
	health := Health{Status: "ok"}
	if err := json.Unmarshal([]byte(r.core.Snapshot()), &policies); err != nil {
		return Health{Status: "degraded"}
	}
	for _, p := range policies {
		if p.Breaker == nil {
			continue
		}
		switch state, _ := ParseState(p.Breaker.State); state {
		case StateOpen, StateHalfOpen, StateForcedOpen:
			health.Status = "degraded"
			if health.Breakers == nil {
				health.Breakers = map[string]string{}
			}
			health.Breakers[p.Name] = p.Breaker.State
		}
	}
	return health
}

// HealthHandler answers 200 with the health as JSON: a degraded service still serves.
func HealthHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(CheckHealth())
	})
}

// MetricsHandler answers with the Prometheus text.
func MetricsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write([]byte(Metrics()))
	})
}
