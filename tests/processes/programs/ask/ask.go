// Package ask is what the programs do under their policy: one request to the upstream.
package ask

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Upstream asks the upstream that the environment names, on behalf of sender. It fails with the
// request, and where the upstream answers that it failed.
func Upstream(ctx context.Context, sender string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("UPSTREAM")+"/work", nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Sender", sender)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode >= 500 {
		return fmt.Errorf("the upstream answered %d", answer.StatusCode)
	}
	return nil
}
