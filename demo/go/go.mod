module demo

go 1.24

require (
	github.com/BurntSushi/toml v1.6.0
	golang.org/x/term v0.34.0
)

require golang.org/x/sys v0.35.0 // indirect
