//go:build !linux

package main

import "syscall"

// diesWithParent does nothing where the kernel cannot: an interrupted storm may
// leave servers behind.
func diesWithParent(*syscall.SysProcAttr) {}
