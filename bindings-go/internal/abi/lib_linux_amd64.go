package abi

import _ "seawall.dev/seawall/internal/abi/lib/linux_amd64" // carries libseawall.a into vendor folders
