module seawall.dev/seawall

go 1.24

require (
	github.com/jellydator/ttlcache/v3 v3.4.1
	go.uber.org/goleak v1.3.0
)

require golang.org/x/sync v0.16.0 // indirect
