package abi

/*
#include "seawall.h"
#cgo noescape seawall_classify_http
#cgo nocallback seawall_classify_http
*/
import "C"

// ClassifyHTTP, ClassifyGRPC and ClassifyError look in the tables that all languages share.
func ClassifyHTTP(code int) uint8 {
	var outcome C.uint8_t
	C.seawall_classify_http(C.uint16_t(code), &outcome)
	return uint8(outcome)
}

func ClassifyGRPC(code int32) uint8 {
	var outcome C.uint8_t
	C.seawall_classify_grpc(C.int32_t(code), &outcome)
	return uint8(outcome)
}

// ClassifyError is false when no table knows the name.
func ClassifyError(name string) (outcome uint8, known bool) {
	var out C.uint8_t
	status := C.seawall_classify_error(str("go"), str(name), &out)
	return uint8(out), status == 0
}

// ParseRetryAfter reads seconds or a date; false when it is neither.
func ParseRetryAfter(value string, unixSeconds uint64) (hint int64, ok bool) {
	var out C.int64_t
	status := C.seawall_classify_retry_after(str(value), C.uint64_t(unixSeconds), &out)
	return int64(out), status == 0
}
