package seawall_test

import (
	"context"
	"testing"
	"time"

	"seawall.dev/seawall"
)

func BenchmarkClosed(b *testing.B) {
	fn := func(context.Context) (int, error) { return 1, nil }
	ctx := context.Background()
	for name, config := range map[string]seawall.Config{
		"breaker":                {Breaker: &seawall.Breaker{}},
		"breaker and retry":      {Breaker: &seawall.Breaker{}, Retry: &seawall.Retry{}},
		"retry breaker bulkhead": {Breaker: &seawall.Breaker{}, Retry: &seawall.Retry{}, Bulkhead: &seawall.Bulkhead{}},
		"breaker and timeout":    {Breaker: &seawall.Breaker{}, Timeout: &seawall.Timeout{Attempt: time.Minute}},
	} {
		p := seawall.MustNew(config)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = seawall.Do(ctx, p, fn)
			}
		})
	}
}
