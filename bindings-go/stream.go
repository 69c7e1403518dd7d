package seawall

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"seawall.dev/seawall/internal/abi"
)

// hold leaves a call open behind a streamed answer: its permits and its context live until the body
// has been read or closed, and its end is the outcome of the attempt. The attempt's limit covered the
// head; from here on only the deadline and the idle time count.
func (d *drive) hold(attempt uint32, limit *limitContext) bool {
	response, is := d.work.result().(*http.Response)
	if !d.options.hold || !is || response == nil || response.Body == nil || response.Body == http.NoBody {
		return false
	}
	d.call.Commit()
	r := d.policy.registry
	if left := d.call.Remaining(); limit != nil && left != abi.None {
		limit.stop = r.clock.after(r, duration(left), limit.pass)
	}
	response.Body = &streamedBody{
		ReadCloser: response.Body, drive: d, attempt: attempt, limit: limit,
		// A length is a promise of a whole answer: who has its head has the dependency's answer.
		whole: response.ContentLength >= 0,
	}
	d.held = true
	return true
}

// streamedBody reports how a body came to its end.
type streamedBody struct {
	io.ReadCloser
	drive   *drive
	attempt uint32
	limit   *limitContext
	whole   bool
	once    sync.Once
}

func (b *streamedBody) Read(p []byte) (int, error) {
	n, err := b.read(p)
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		b.end(OutcomeSuccess, nil)
	default:
		b.end(ClassifyError(err), err)
	}
	return n, err
}

// read bounds the gap before the next piece, where the policy says how long it may be.
func (b *streamedBody) read(p []byte) (int, error) {
	idle := b.drive.view.shape.IdleTimeout
	if idle == abi.None {
		return b.ReadCloser.Read(p)
	}
	r := b.drive.policy.registry
	stop := r.clock.after(r, duration(idle), func() { _ = b.ReadCloser.Close() })
	n, err := b.ReadCloser.Read(p)
	if !stop() && err != nil {
		return n, &TimeoutError{Kind: ErrAttemptTimeout, Policy: b.drive.policy.name, Limit: duration(idle), Attempts: int(b.attempt), Last: err}
	}
	return n, err
}

// Close ends the attempt: a whole answer was an answer, a stream was left early.
func (b *streamedBody) Close() error {
	err := b.ReadCloser.Close()
	outcome := OutcomeCancelled
	if b.whole {
		outcome = OutcomeSuccess
	}
	b.end(outcome, nil)
	return err
}

func (b *streamedBody) end(outcome Outcome, err error) {
	b.once.Do(func() {
		d := b.drive
		d.held = false
		if b.limit != nil {
			b.limit.stop()
		}
		if err != nil && d.ctx.Err() != nil {
			d.cancelled()
		} else {
			d.done(b.attempt, outcome, abi.NoHint)
		}
		d.leave()
	})
}
