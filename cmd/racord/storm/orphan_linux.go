package main

import "syscall"

// diesWithParent has the kernel kill a child whose parent is gone.
func diesWithParent(as *syscall.SysProcAttr) { as.Pdeathsig = syscall.SIGKILL }
