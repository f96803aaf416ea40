#!/bin/sh
# make uninstall-units: removes what install-units put there. Settings, data and state stay, unless PURGE=1.
set -eu

PREFIX=${PREFIX:-/opt/bankadvisor-etl}
DESTDIR=${DESTDIR:-}
PURGE=${PURGE:-}
root=$DESTDIR$PREFIX
units=$DESTDIR/etc/systemd/system
mark='^# bankadvisor-etl, from make install-units'
kept="/etc/bankadvisor-etl /srv/bankadvisor-etl /var/lib/bankadvisor-etl"

say() { printf '%s\n' "$*"; }

stop_units() {
    systemctl --quiet disable --now bankadvisor-etl.timer 2>/dev/null || true
    systemctl --quiet disable --now bankadvisor-etl-resume.service bankadvisor-etl-health.socket 2>/dev/null || true
    systemctl stop bankadvisor-etl.service 'bankadvisor-etl-failure@*.service' 2>/dev/null || true
    # A later install is no missed night.
    rm -f /var/lib/systemd/timers/stamp-bankadvisor-etl.timer
}

# Only files that carry our mark: a name alone does not make them ours.
remove_ours() {
    for file in "$@"; do
        if [ -e "$file" ] && grep -q "$mark" "$file"; then rm -f "$file"; fi
    done
}

remove_program() {
    remove_ours "$units/bankadvisor-etl.timer" "$units/bankadvisor-etl.service" \
        "$units/bankadvisor-etl-failure@.service" "$units/bankadvisor-etl.service.d/10-growing-pauses.conf" \
        "$units/bankadvisor-etl-success.service" "$units/bankadvisor-etl-resume.service" \
        "$units/bankadvisor-etl-health.socket" "$units/bankadvisor-etl-health@.service" "$units/bankadvisor-etl-fetch.service" \
        "$DESTDIR/usr/local/bin/bankadvisor-etl"
    rmdir "$units/bankadvisor-etl.service.d" 2>/dev/null || true
    # Piece by piece: a PREFIX that holds other things keeps them.
    rm -rf "$root/versions" "$root/current" "$root/README.md"
    for helper in notify-failure after-run on-success; do rm -f "$root/libexec/$helper"; done
    rmdir "$root/libexec" "$root" 2>/dev/null || true
}

purge() {
    for folder in $kept; do rm -rf "$DESTDIR${folder:?}"; done
    rm -rf "$units/bankadvisor-etl.service.d" "$units/bankadvisor-etl.timer.d"
    rm -f "$DESTDIR/etc/sysusers.d/bankadvisor-etl.conf" "$DESTDIR/etc/tmpfiles.d/bankadvisor-etl.conf"
    if [ -z "$DESTDIR" ] && id bankadvisor-etl >/dev/null 2>&1; then userdel bankadvisor-etl; fi
    say "Removed, with settings, data and state: $kept"
}

say_what_stays() {
    say "Removed. Settings, data and state stay: $kept"
    say "To remove those too: make uninstall-units PURGE=1"
}

if [ -z "$DESTDIR" ] && [ "$(id -u)" != 0 ]; then
    say "uninstall-units: run it as root (sudo make uninstall-units), or give a DESTDIR" >&2
    exit 1
fi
[ -n "$DESTDIR" ] || stop_units
remove_program
if [ "$PURGE" = 1 ]; then purge; else say_what_stays; fi
for old in "$units"/bankadvisor-etl*.anterior*; do
    if [ -e "$old" ]; then say "The old job's unit is still kept aside: $old"; fi
done
[ -n "$DESTDIR" ] || systemctl daemon-reload
