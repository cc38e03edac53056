#!/bin/sh
# One call through Asterisk 22: our caller -> Asterisk -> our server, then a blind transfer back into Asterisk's echo.
# Needs root and: apt-get install debootstrap    (Asterisk itself is only in sid: it goes into a chroot, ~630 MB, 72 s)
#   scripts/peers/asterisk.sh            build the chroot if need be, make the call, stop Asterisk
# CALLWRIGHT_ASTERISK moves the chroot, PYTHON chooses the interpreter. The mirror is the one that apt is configured with.
set -eu
cd "$(dirname "$0")/../.."
ROOT=${CALLWRIGHT_ASTERISK:-$HOME/.cache/callwright/asterisk}
PYTHON=${PYTHON:-.venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python3

if [ ! -x "$ROOT/usr/sbin/asterisk" ]; then
    MIRROR=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' | awk '$1 ~ /\/debian\/?$/ && $3 == "main" {print $1; exit}')
    [ -n "$MIRROR" ] || { echo "apt has no Debian mirror configured" >&2; exit 2; }
    echo "building $ROOT (about 72 s)"
    rm -rf "$ROOT" && mkdir -p "$ROOT"
    debootstrap --variant=minbase --include=ca-certificates sid "$ROOT" "$MIRROR" > "$ROOT.log" 2>&1 || { tail -5 "$ROOT.log" >&2; exit 2; }
    printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"   # no daemon may start by itself
    chmod 755 "$ROOT/usr/sbin/policy-rc.d"
    DEBIAN_FRONTEND=noninteractive chroot "$ROOT" apt-get install -y --no-install-recommends \
        asterisk asterisk-modules asterisk-config >> "$ROOT.log" 2>&1 || { tail -5 "$ROOT.log" >&2; exit 2; }
fi

LAB=$ROOT/etc/ast-lab
rm -rf "$LAB" && cp -a "$ROOT/etc/asterisk" "$LAB"
mkdir -p "$ROOT/var/run/astlab" "$ROOT/var/log/astlab" "$ROOT/var/spool/astlab"
chown -R root:root "$LAB" "$ROOT/var/lib/asterisk" "$ROOT/var/cache/asterisk" 2>/dev/null || true
cp scripts/peers/asterisk/*.conf "$LAB/"

chroot "$ROOT" /usr/sbin/asterisk -C /etc/ast-lab/asterisk.conf -f > "$ROOT.run.log" 2>&1 &
ASTERISK=$!
trap 'kill $ASTERISK 2>/dev/null; wait $ASTERISK 2>/dev/null || true' EXIT INT TERM
tries=0
until chroot "$ROOT" asterisk -C /etc/ast-lab/asterisk.conf -rx "core waitfullybooted" 2>/dev/null | grep -q "fully booted"; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || { echo "Asterisk did not start; see $ROOT.run.log" >&2; exit 2; }
    sleep 1
done
chroot "$ROOT" asterisk -C /etc/ast-lab/asterisk.conf -rx "core show version" | cut -d' ' -f1,2
# CALL="scripts.peers.real_call sip --start --uri sip:100@127.0.0.1:5160" calls the real operator through it instead.
CALLWRIGHT_TELEPHONY__SIP__PORT=5170 "$PYTHON" -m ${CALL:-scripts.peers.asterisk_call}
