package main

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU times in /proc (USER_HZ, the same on all common
// Linux machines).
const clockTick = 10 * time.Millisecond

// cpu gives the CPU time the process and its children have used, from
// /proc/PID/stat.
func (p *process) cpu() (time.Duration, error) {
	own, err := readStat(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	total := own.used
	all, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, entry := range all {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if child, err := readStat(pid); err == nil && child.parent == p.cmd.Process.Pid {
			total += child.used
		}
	}
	return total, nil
}

type stat struct {
	parent int
	used   time.Duration
}

var errStat = errors.New("/proc/PID/stat has another form than expected")

// readStat reads ppid, utime and stime (fields 4, 14 and 15, proc(5)).
func readStat(pid int) (stat, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	end := bytes.LastIndexByte(text, ')') // the program's name may hold anything
	fields := strings.Fields(string(text[end+1:]))
	if end < 0 || len(fields) < 13 {
		return stat{}, errStat
	}
	parent, err1 := strconv.Atoi(fields[1])
	user, err2 := strconv.Atoi(fields[11])
	system, err3 := strconv.Atoi(fields[12])
	return stat{parent, time.Duration(user+system) * clockTick}, errors.Join(err1, err2, err3)
}
