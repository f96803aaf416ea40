# Where the files go and how they get there; sourced by install.sh, uninstall.sh and deb.sh. A distribution sets:
#   PREFIX=/opt/bankadvisor-etl    the program               UNITDIR=/etc/systemd/system  the units
#   BINDIR=/usr/local/bin          the command               SYSCONFDIR=/etc              settings, sysusers.d, tmpfiles.d
#   SHAREDIR=/usr/local/share      manual page, completions  DESTDIR=                     a staging root for all of them
#   ZSHDIR=SHAREDIR/zsh/site-functions                       FISHDIR=SYSCONFDIR/fish/completions
# shellcheck shell=sh disable=SC2034,SC2154  # those that source it use the variables, and set $here

PREFIX=${PREFIX:-/opt/bankadvisor-etl}
ENVIRONMENT=${ENVIRONMENT:-$PREFIX/current}
UNITDIR=${UNITDIR:-/etc/systemd/system}
BINDIR=${BINDIR:-/usr/local/bin}
SYSCONFDIR=${SYSCONFDIR:-/etc}
SHAREDIR=${SHAREDIR:-/usr/local/share}
ZSHDIR=${ZSHDIR:-$SHAREDIR/zsh/site-functions}
FISHDIR=${FISHDIR:-$SYSCONFDIR/fish/completions} # fish does not look into /usr/local
DESTDIR=${DESTDIR:-}
root=$DESTDIR$PREFIX
config=$DESTDIR$SYSCONFDIR/bankadvisor-etl
units=$DESTDIR$UNITDIR
command=$DESTDIR$BINDIR/bankadvisor-etl
share=$DESTDIR$SHAREDIR
unit_names="bankadvisor-etl.timer bankadvisor-etl.service bankadvisor-etl-fetch.service
    bankadvisor-etl-failure@.service bankadvisor-etl-success.service bankadvisor-etl-resume.service
    bankadvisor-etl-health.socket bankadvisor-etl-health@.service"
helpers="arm-timer before-fetch after-run on-success notify-failure"
shell_files="man $SHAREDIR/man/man8/bankadvisor-etl.8
bash $SHAREDIR/bash-completion/completions/bankadvisor-etl
zsh $ZSHDIR/_bankadvisor-etl
fish $FISHDIR/bankadvisor-etl.fish"
mark='^# bankadvisor-etl, from make install-units'

# These places instead of the usual ones.
placed() {
    sed -e "s|/opt/bankadvisor-etl/current|$ENVIRONMENT|g" -e "s|/opt/bankadvisor-etl|$PREFIX|g" \
        -e "s|/etc/bankadvisor-etl|$SYSCONFDIR/bankadvisor-etl|g" -e "s|/usr/local/bin/|$BINDIR/|g" "$@"
}

# install_file MODE FROM TO
install_file() {
    placed "$here/$2" >"$3.new"
    chmod "$1" "$3.new"
    mv -f "$3.new" "$3"
}

# What the operator may have changed is never written over.
keep_or_install() { [ -e "$3" ] || install_file "$@"; }

install_config() {
    mkdir -p "$config" "$DESTDIR/srv/bankadvisor-etl" "${command%/*}" "$root/libexec" \
        "$DESTDIR$SYSCONFDIR/sysusers.d" "$DESTDIR$SYSCONFDIR/tmpfiles.d"
    keep_or_install 644 bankadvisor-etl.env "$config/bankadvisor-etl.env"
    (umask 077 && keep_or_install 600 pgpass "$config/pgpass")
    install_file 644 on-success.example "$config/on-success.example"
    install_file 644 on-failure.example "$config/on-failure.example"
    install_file 644 sysusers.conf "$DESTDIR$SYSCONFDIR/sysusers.d/bankadvisor-etl.conf"
    install_file 644 tmpfiles.conf "$DESTDIR$SYSCONFDIR/tmpfiles.d/bankadvisor-etl.conf"
    for helper in $helpers; do
        install_file 755 "$helper" "$root/libexec/$helper"
    done
    install_file 644 README.md "$root/README.md"
}

install_unit_files() {
    mkdir -p "$units"
    for unit in $unit_names; do
        install_file 644 "$unit" "$units/$unit"
    done
}

# install_manual PYTHON: the manual page and the completions, which the command line writes itself.
install_manual() {
    printf '%s\n' "$shell_files" | while read -r kind file; do
        text=$("$1" "$here/manual.py" "$kind")
        mkdir -p "$DESTDIR${file%/*}"
        printf '%s\n' "$text" | placed >"$DESTDIR$file.new"
        mv -f "$DESTDIR$file.new" "$DESTDIR$file"
    done
}

remove_manual() {
    printf '%s\n' "$shell_files" | while read -r _ file; do rm -f "$DESTDIR$file"; done
}
