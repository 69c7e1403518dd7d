module seawall.dev/processes

go 1.24

require seawall.dev/seawall v0.1.0

require (
	github.com/jellydator/ttlcache/v3 v3.4.1 // indirect
	golang.org/x/sync v0.16.0 // indirect
)

replace seawall.dev/seawall => ../../bindings-go
