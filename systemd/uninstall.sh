#!/bin/sh
# make uninstall-units: removes what install-units installed. Settings, data and state stay, unless PURGE=1.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=systemd/files.sh
. "$here/files.sh"
PURGE=${PURGE:-}
kept="$SYSCONFDIR/bankadvisor-etl /srv/bankadvisor-etl /var/lib/bankadvisor-etl"

say() { printf '%s\n' "$*"; }

stop_units() {
    systemctl --quiet disable --now bankadvisor-etl.timer 2>/dev/null || true
    systemctl --quiet disable --now bankadvisor-etl-resume.service bankadvisor-etl-health.socket 2>/dev/null || true
    systemctl stop bankadvisor-etl.service bankadvisor-etl-fetch.service 'bankadvisor-etl-failure@*.service' 2>/dev/null || true
    # Otherwise a later installation would count as a missed night.
    rm -f /var/lib/systemd/timers/stamp-bankadvisor-etl.timer
    # Nothing updates it any more, and it would keep reporting the last run.
    rm -f /var/lib/prometheus/node-exporter/bankadvisor_etl.prom
}

# Only files with our mark: the name alone is not enough.
remove_ours() {
    for file in "$@"; do
        if [ -e "$file" ] && grep -q "$mark" "$file"; then rm -f "$file"; fi
    done
}

remove_program() {
    for unit in $unit_names; do remove_ours "$units/$unit"; done
    remove_ours "$units/bankadvisor-etl.service.d/10-growing-pauses.conf" "$command"
    rmdir "$units/bankadvisor-etl.service.d" 2>/dev/null || true
    remove_manual
    # One by one, since PREFIX may contain other things.
    rm -rf "$root/versions" "$root/current" "$root/README.md"
    for helper in $helpers; do rm -f "$root/libexec/$helper"; done
    rmdir "$root/libexec" "$root" 2>/dev/null || true
}

purge() {
    for folder in $kept; do rm -rf "$DESTDIR${folder:?}"; done
    rm -rf "$units/bankadvisor-etl.service.d" "$units/bankadvisor-etl.timer.d" "$units/bankadvisor-etl-fetch.service.d"
    rm -f "$DESTDIR$SYSCONFDIR/sysusers.d/bankadvisor-etl.conf" "$DESTDIR$SYSCONFDIR/tmpfiles.d/bankadvisor-etl.conf"
    if [ -z "$DESTDIR" ] && id bankadvisor-etl >/dev/null 2>&1; then userdel bankadvisor-etl; fi
    say "Removed, with settings, data and state: $kept"
}

say_what_stays() {
    say "Removed. Settings, data and state stay: $kept"
    say "To remove those as well: make uninstall-units PURGE=1"
}

if [ -z "$DESTDIR" ] && [ "$(id -u)" != 0 ]; then
    say "uninstall-units: run it as root (sudo make uninstall-units), or give a DESTDIR" >&2
    exit 1
fi
[ -n "$DESTDIR" ] || stop_units
remove_program
if [ "$PURGE" = 1 ]; then purge; else say_what_stays; fi
for old in "$units"/bankadvisor-etl*.anterior*; do
    if [ -e "$old" ]; then say "The old job's unit is still saved: $old"; fi
done
[ -n "$DESTDIR" ] || systemctl daemon-reload
