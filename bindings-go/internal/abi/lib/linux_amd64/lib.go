// Package linux_amd64 holds the static library; that it is a package keeps it in vendor folders.
package linux_amd64
