package seawall

import (
	"errors"
	"testing"

	"seawall.dev/seawall/internal/abi"
)

func TestEveryCodeOfTheLibraryHasASentinel(t *testing.T) {
	all := abi.Statuses()
	if len(all) < 16 {
		t.Fatalf("the library knows only %d codes", len(all))
	}
	seen := map[error]abi.Status{}
	for _, status := range all {
		if status == 0 {
			continue
		}
		kind := sentinels[status]
		if kind == nil {
			t.Errorf("code %d (%v) has no sentinel", status, status)
			continue
		}
		if other, twice := seen[kind]; twice {
			t.Errorf("codes %d and %d share a sentinel", status, other)
		}
		seen[kind] = status
		if err := statusError(status, "identity"); !errors.Is(err, kind) {
			t.Errorf("%v is not its sentinel", err)
		}
	}
	if len(sentinels) != len(seen) {
		t.Errorf("%d sentinels for %d codes: a number is gone from the library", len(sentinels), len(seen))
	}
}

func TestNamesComeFromTheLibrary(t *testing.T) {
	if OutcomeThrottled.String() != "throttled" || StateForcedOpen.String() != "forced_open" || StopBudget.String() != "budget" {
		t.Fatal(OutcomeThrottled, StateForcedOpen, StopBudget)
	}
	for s := StateClosed; s <= StateMetricsOnly; s++ {
		if back, known := ParseState(s.String()); !known || back != s {
			t.Fatal(s)
		}
	}
}
