#!/bin/sh
# make install-units: installs or upgrades the package in a separate environment, its settings, and its units.
# For the paths see files.sh. PYTHON=/usr/bin/python3: a Python 3.11 or later.
# DESTDIR= is a staging root; the running systemd is then not touched.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
# shellcheck source=systemd/files.sh
. "$here/files.sh"
# The requirements, pinned with hashes.
REQUIREMENTS=${REQUIREMENTS:-$source/requirements/run.lock}

say() { printf '%s\n' "$*"; }
die() {
    say "install-units: $*" >&2
    exit 1
}

systemd_version() { systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p'; }

check_machine() {
    case $PREFIX in /?*) ;; *) die "PREFIX must be an absolute path, not '$PREFIX'" ;; esac
    [ -z "$DESTDIR" ] || return 0
    [ "$(id -u)" = 0 ] || die "run it as root (sudo make install-units), or give a DESTDIR"
    version=$(systemd_version)
    [ "${version:-0}" -ge 251 ] || die "needs systemd 251 or later, this is '${version:-none}'"
    [ -e /usr/share/zoneinfo/America/Mexico_City ] || die "no time zone America/Mexico_City: install tzdata"
    for unit in bankadvisor-etl.service bankadvisor-etl.timer; do
        [ "$(readlink "$units/$unit")" != /dev/null ] || die "$unit is masked: systemctl unmask $unit first"
    done
}

usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

# Never one in a home folder: the service's user cannot follow the environment's link to it.
find_python() {
    for python in ${PYTHON:-} /usr/bin/python3 /usr/local/bin/python3 python3; do
        usable "$python" || continue
        home=$("$python" -c 'import os, sys; print(os.path.realpath(sys.base_prefix))')
        case $home in
            /root/* | /home/*) [ -n "$DESTDIR" ] || continue ;;
        esac
        say "with $("$python" --version), $home"
        return 0
    done
    die "no Python 3.11 or later outside /root and /home: name one with PYTHON="
}

add() {
    "$new/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-warn-script-location "$@"
}

# Built next to the one in use and swapped by one rename: a running job keeps its files to the end.
build_environment() {
    mkdir -p "$root/versions"
    new=$(mktemp -d "$root/versions/$(date -u +%Y%m%dT%H%M%SZ).XXXXXX")
    trap 'rm -rf "$new"' EXIT
    trap 'exit 1' HUP INT TERM
    chmod 755 "$new"
    "$python" -m venv "$new" || die "the environment could not be created (Debian: apt install python3-venv)"
    add --require-hashes --requirement "$REQUIREMENTS"
    add --no-deps --no-build-isolation "$source"
    "$new/bin/bankadvisor-etl" --help >/dev/null
    if [ -n "$DESTDIR" ]; then
        grep -rlIF "$DESTDIR" "$new/bin" "$new/pyvenv.cfg" | xargs sed -i "s|$DESTDIR||g"
    fi
}

swap_environment() {
    old=$(readlink "$root/current" || true)
    ln -sfn "versions/${new##*/}" "$root/current.new"
    mv -T "$root/current.new" "$root/current"
    trap - EXIT
    for version in "$root"/versions/*; do
        case versions/${version##*/} in "versions/${new##*/}" | "$old") ;; *) rm -rf "$version" ;; esac
    done
}

aside() {
    mv --backup=numbered "$1" "$1.anterior"
    say "kept aside: $1.anterior ($2)"
}

install_command() {
    if [ -e "$command" ] && ! grep -q "$mark" "$command"; then
        aside "$command" "another command of that name"
    fi
    install_file 755 bankadvisor-etl "$command"
}

# A unit of the replaced system: its links are removed, otherwise it would still start at boot; the file is kept.
retire_old_unit() {
    if [ -e "$units/$1" ] && ! grep -q "$mark" "$units/$1"; then
        if [ -z "$DESTDIR" ]; then
            systemctl --quiet disable "$1" || true
            case $1 in *.timer) systemctl stop "$1" || true ;; esac
        fi
        if grep -q docker "$units/$1"; then why="the old job, it runs docker"; else why="not of this package"; fi
        aside "$units/$1" "$why"
    fi
    for dropin in "$units/$1.d"/*.conf; do
        if [ -e "$dropin" ] && grep -q docker "$dropin"; then aside "$dropin" "it would run docker again"; fi
    done
}

install_units() {
    for unit in $unit_names; do
        retire_old_unit "$unit"
    done
    install_unit_files
    if [ "$(systemd_version || true)" -ge 254 ] 2>/dev/null; then
        mkdir -p "$units/bankadvisor-etl.service.d"
        install_file 644 growing-pauses.conf "$units/bankadvisor-etl.service.d/10-growing-pauses.conf"
    fi
    # From an earlier version, in which "systemctl start" waited for every retry.
    rm -f "$units/bankadvisor-etl.service.d/10-one-alert.conf"
}

# Anything else that would also run the old job. It belongs to the operator: reported, never edited.
point_out() {
    grep -nHi bankadvisor "$DESTDIR/etc/crontab" "$DESTDIR"/etc/cron.d/* "$DESTDIR"/etc/cron.hourly/* \
        "$DESTDIR"/etc/cron.daily/* "$DESTDIR"/var/spool/cron/crontabs/* "$DESTDIR"/var/spool/cron/* 2>/dev/null |
        grep -v '^[^:]*:[0-9]*:[[:space:]]*#' | while IFS= read -r line; do
            say "WARNING: cron still has a line for the old job; remove it: $line"
        done
    grep -li bankadvisor "$units"/*.service "$units"/*.timer 2>/dev/null | while IFS= read -r unit; do
        grep -q "$mark" "$unit" || say "WARNING: another unit mentions it; check it: $unit"
    done
}

start_timer() {
    systemd-sysusers "$DESTDIR$SYSCONFDIR/sysusers.d/bankadvisor-etl.conf"
    systemd-tmpfiles --create "$DESTDIR$SYSCONFDIR/tmpfiles.d/bankadvisor-etl.conf"
    systemctl daemon-reload
    systemctl --quiet enable bankadvisor-etl-resume.service
    "$root/libexec/arm-timer"
}

say_what_next() {
    say "
bankadvisor-etl is installed in $PREFIX. What to do next:
  1. put the regulator's files in   /srv/bankadvisor-etl
  2. say where the database is in   $SYSCONFDIR/bankadvisor-etl/bankadvisor-etl.env   (BANKADVISOR_DSN)
     and its password in            $SYSCONFDIR/bankadvisor-etl/pgpass
  3. over a database of the old system, once:   bankadvisor-etl adopt --dry-run, then bankadvisor-etl adopt
  4. start the nightly timer:       systemctl enable --now bankadvisor-etl.timer
  5. see whether all is in place:   bankadvisor-etl doctor
  6. run it now, and look:          systemctl start bankadvisor-etl; bankadvisor-etl health
                                    journalctl -t bankadvisor-etl -o cat
  7. be told of failures:           $SYSCONFDIR/bankadvisor-etl/on-failure.example"
    if [ -n "$DESTDIR" ]; then
        say "Staged in $DESTDIR. On the machine itself: systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload;"
        say "systemctl enable --now bankadvisor-etl.timer"
        return 0
    fi
    if systemctl --quiet is-active bankadvisor-etl.timer; then
        say "The next run, each night at 02:00 in Mexico City:"
        systemctl --no-pager --legend=no list-timers bankadvisor-etl.timer
    else
        say "The timer is not started yet: no database is named (2)."
    fi
    say "
What a run would meet (bankadvisor-etl doctor):"
    "$command" doctor || true
}

check_machine
find_python
build_environment
swap_environment
install_config
install_command
install_units
install_manual "$new/bin/python"
[ -n "$DESTDIR" ] || start_timer
point_out
say_what_next
