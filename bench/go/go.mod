module seawall.dev/bench

go 1.24

require (
	github.com/benbjohnson/clock v1.3.0 // indirect
	github.com/cenkalti/backoff/v3 v3.1.1 // indirect
	github.com/cep21/circuit/v4 v4.1.0 // indirect
	github.com/eapache/go-resiliency v1.7.0 // indirect
	github.com/failsafe-go/failsafe-go v0.9.8 // indirect
	github.com/mercari/go-circuitbreaker v0.0.2 // indirect
	github.com/sony/gobreaker/v2 v2.4.0 // indirect
)
