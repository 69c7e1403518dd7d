module seawall.dev/seawall

go 1.24
