package seawall

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"sync"
)

// Transport is an http.RoundTripper under a policy. A response is judged by its status, Retry-After
// in both its forms is honoured. The context and the permits of the answering attempt live until its
// body has been read or closed: the end of the body is the end of the attempt, closing a body without
// a length before its end says nothing about the dependency, and Timeout.Idle bounds its gaps. When the attempts end on a response like 503, that response is returned unchanged.
type Transport struct {
	Policy *Policy
	// Base carries out the requests; http.DefaultTransport if nil.
	Base http.RoundTripper
	// KeyOf partitions the policy, for example by host; no partition if nil.
	KeyOf func(*http.Request) string
}

// RoundTrip implements http.RoundTripper. A request whose body cannot be read again is sent once.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	policy := t.Policy
	if policy == nil {
		return nil, errors.New("seawall: Transport without a Policy")
	}
	if policy.look().shape.StreamExempt {
		return base.RoundTrip(request)
	}
	if t.KeyOf != nil {
		keyed, err := policy.Key(t.KeyOf(request))
		if err != nil {
			return nil, err
		}
		policy = keyed
	}
	sent := 0
	response, err := Do(request.Context(), policy, func(ctx context.Context) (*http.Response, error) {
		attempt, err := again(ctx, request, sent)
		if err != nil {
			return nil, err
		}
		sent++
		response, err := base.RoundTrip(attempt)
		if err == nil && response.Body != nil {
			response.Body = &heldBody{ReadCloser: response.Body, end: keepContext(ctx)}
		}
		return response, err
	}, func(o *callOptions) { o.hold = true })
	if sent == 0 && request.Body != nil {
		_ = request.Body.Close() // a RoundTripper closes it in any case
	}
	return response, err
}

// errUsedBody tells that an attempt cannot be repeated, which ends the call as the last one left it.
var errUsedBody = errors.New("seawall: the request's body cannot be sent again: set GetBody or use bytes.Reader, bytes.Buffer or strings.Reader")

// again is the request for one attempt, with a body from its beginning.
func again(ctx context.Context, request *http.Request, sent int) (*http.Request, error) {
	attempt := request.Clone(ctx)
	if sent == 0 || request.Body == nil || request.Body == http.NoBody {
		return attempt, nil
	}
	if request.GetBody == nil {
		return nil, AsPermanent(errUsedBody)
	}
	body, err := request.GetBody()
	if err != nil {
		return nil, AsPermanent(err)
	}
	attempt.Body = body
	return attempt, nil
}

// heldBody ends the context of its attempt when it is closed.
type heldBody struct {
	io.ReadCloser
	end  context.CancelFunc
	once sync.Once
}

func (b *heldBody) Close() error {
	err := b.ReadCloser.Close()
	b.once.Do(b.end)
	return err
}

// Middleware protects a handler: an answer is judged by its status, and while the policy refuses the
// answer is 503 with Retry-After. A handler runs once: an answer that has begun cannot be taken back.
func Middleware(policy *Policy) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := &recorder{ResponseWriter: w}
			err := policy.Run(r.Context(), func(ctx context.Context) error {
				next.ServeHTTP(rec, r.WithContext(ctx))
				return rec.verdict()
			}, func(o *callOptions) { o.single = true })
			if err != nil && !rec.wrote {
				refuse(w, err)
			}
		})
	}
}

func refuse(w http.ResponseWriter, err error) {
	var rejected *RejectedError
	if errors.As(err, &rejected) && rejected.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(rejected.RetryAfter.Seconds()))))
	}
	status := http.StatusServiceUnavailable
	if errors.Is(err, ErrTimedOut) {
		status = http.StatusGatewayTimeout
	}
	http.Error(w, http.StatusText(status), status)
}

// answerError carries the status of an answer that the handler has sent.
type answerError struct{ status int }

func (e *answerError) Error() string       { return "seawall: handler answered " + strconv.Itoa(e.status) }
func (e *answerError) HTTPStatusCode() int { return e.status }

// recorder remembers what a handler answered.
type recorder struct {
	http.ResponseWriter
	status int
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.wrote, r.status = true, status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if !r.wrote {
		r.wrote, r.status = true, http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the real writer.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) verdict() error {
	if r.status < 500 {
		return nil
	}
	return &answerError{r.status}
}
