package seawall_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seawall.dev/seawall"
	"seawall.dev/seawall/seawalltest"
)

// onFolder is an environment whose segment would be in a folder that others may enter.
func onFolder(t *testing.T) (env *seawalltest.Env, folder string) {
	folder = filepath.Join(t.TempDir(), "segments")
	if err := errors.Join(os.Mkdir(folder, 0o755), os.Chmod(folder, 0o755)); err != nil {
		t.Fatal(err)
	}
	return inFolder(t, folder), folder
}

// inFolder is an environment whose segment is there.
func inFolder(t *testing.T, folder string) *seawalltest.Env {
	env := seawalltest.New(t)
	if err := env.LoadTOML("[host]\ndir = \""+folder+"\"\n", "host.toml"); err != nil {
		t.Fatal(err)
	}
	return env
}

func TestARequiredHostRefusesSaysWhyAndComesBack(t *testing.T) {
	env, folder := onFolder(t)
	policy := env.Policy(seawall.Config{
		Name: "identity", Scope: "host", HostRequired: seawall.Ptr(true),
		Breaker: &seawall.Breaker{}, Bulkhead: &seawall.Bulkhead{Limit: 2},
	})
	for range 2 {
		_, err := seawall.Do(context.Background(), policy, answers)
		var rejected *seawall.RejectedError
		if !errors.Is(err, seawall.ErrHostUnavailable) || !errors.Is(err, seawall.ErrRejected) || !errors.As(err, &rejected) {
			t.Fatal(err)
		}
		if rejected.Policy != "identity" || rejected.RetryAfter != 0 ||
			!strings.Contains(rejected.Problem, "`chmod 0700` it") || !strings.Contains(rejected.Problem, folder) ||
			!strings.HasSuffix(err.Error(), rejected.Problem) {
			t.Fatalf("%+v: %v", rejected, err)
		}
	}
	if _, err := policy.Acquire(); !errors.Is(err, seawall.ErrHostUnavailable) {
		t.Fatal(err)
	}
	if _, err := policy.TryEnter(nil); !errors.Is(err, seawall.ErrHostUnavailable) {
		t.Fatal(err)
	}
	if told, refused := len(env.Events("internal")), len(env.Events("rejected")); told != 1 || refused != 2 {
		t.Fatalf("told %d times, %d calls rejected", told, refused)
	}
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := seawall.Do(context.Background(), policy, answers)
		if err == nil {
			break
		}
		if !errors.Is(err, seawall.ErrHostUnavailable) || time.Now().After(end) {
			t.Fatal(err)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
}

func TestWithoutARequiredHostTheProcessGoesOnAlone(t *testing.T) {
	env, _ := onFolder(t)
	alone := env.Policy(seawall.Config{Name: "identity", Scope: "host", Breaker: &seawall.Breaker{}})
	if _, err := seawall.Do(context.Background(), alone, answers); err != nil {
		t.Fatal(err)
	}
	spend := env.Policy(seawall.Config{
		Name: "llm", Scope: "host",
		Cost: []seawall.Cost{{Name: "spend", Limits: map[string]uint64{"tokens": 10}}},
	})
	if _, err := spend.Reserve(map[string]uint64{"tokens": 1}); !errors.Is(err, seawall.ErrHostUnavailable) {
		t.Fatal(err)
	}
}

func TestWhoseCellWasMovedFindsWhereCallsPass(t *testing.T) {
	t.Setenv("SEAWALL_GATE", "on")
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	config := seawall.Config{Name: "identity", Scope: "host", Breaker: &seawall.Breaker{Failures: 3}}
	policy := inFolder(t, folder).Policy(config)
	do := func() { _, _ = seawall.Do(context.Background(), policy, answers) }
	do()
	if n := crossings(100, do); n != 0 {
		t.Fatalf("%d crossings", n)
	}
	// Another of the host has newer settings, for which there is another cell.
	config.Revision, config.Breaker = 1, &seawall.Breaker{Failures: 4}
	moved := inFolder(t, folder).Policy(config)
	for range 3 {
		_, _ = seawall.Do(context.Background(), moved, fails)
	}
	time.Sleep(1200 * time.Millisecond) // whoever asks looks once a second
	for range 20_000 {
		do()
	}
	if n := crossings(100, do); n != 0 {
		t.Errorf("%d crossings after the move", n)
	}
	if n := successes(t, moved); n < 20_000 {
		t.Errorf("%d successes in the cell in force", n)
	}
}
