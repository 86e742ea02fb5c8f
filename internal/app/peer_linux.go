package app

import (
	"net"
	"os/user"
	"strconv"
	"syscall"
)

// peerUser is the operating-system user at the other end of a unix socket, as the kernel says.
func peerUser(c net.Conn) (name string, ok bool) {
	uc, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return "", false
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return "", false
	}
	var cred *syscall.Ucred
	if ctlErr := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); ctlErr != nil || err != nil {
		return "", false
	}
	uid := strconv.FormatUint(uint64(cred.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username, true
	}
	return "uid:" + uid, true
}
