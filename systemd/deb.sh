#!/bin/sh
# make deb: dist/bankadvisor-etl_VERSION_ARCHITECTURE.deb, for Debian 12 and 13, with all dependencies as pinned in
# requirements/run.lock. DEB_VERSION=1.2-3 sets another version.
#
# The package is an environment for two Python versions: bin/python3 is a link to the machine's own, which looks for its
# modules in lib/python3.11 or lib/python3.13. Nothing is downloaded or built on installation, dpkg knows every file, and
# after an upgrade from Debian 12 to 13 the other version is used automatically.
set -eu
umask 022

here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
DESTDIR=$(mktemp -d)
trap 'rm -rf "$DESTDIR"' EXIT
trap 'exit 1' HUP INT TERM
PREFIX=/usr/lib/bankadvisor-etl ENVIRONMENT=/usr/lib/bankadvisor-etl UNITDIR=/usr/lib/systemd/system
BINDIR=/usr/bin SYSCONFDIR=/etc SHAREDIR=/usr/share
ZSHDIR=/usr/share/zsh/vendor-completions FISHDIR=/usr/share/fish/vendor_completions.d
# shellcheck source=systemd/files.sh
. "$here/files.sh"
pythons="3.11 3.13"
version=${DEB_VERSION:-$("$PYTHON" -c 'import bankadvisor_etl; print(bankadvisor_etl.__version__)')-1}
architecture=$(dpkg --print-architecture)

libraries() { printf '%s' "$root/lib/python$1/site-packages"; }

# add PYTHON WHAT...; glibc 2.36 is Debian 12's.
add() {
    target=$1
    shift
    "$UV" pip install --quiet --no-deps --only-binary :all: --python "$PYTHON" --python-version "$target" \
        --python-platform "$(uname -m)-manylinux_2_36" --link-mode copy --target "$(libraries "$target")" "$@"
}

build_libraries() {
    "$PYTHON" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
        --wheel-dir "$DESTDIR/wheel" "$source"
    for python in $pythons; do
        add "$python" --require-hashes --requirement "$source/requirements/run.lock"
        add "$python" "$DESTDIR/wheel/"*.whl
        rm -rf "$root/lib/python$python/site-packages/bin"
    done
    find "$root/lib" -name __pycache__ -prune -exec rm -rf {} +
    rm -rf "$DESTDIR/wheel" "$root"/lib/*/site-packages/.lock
}

# Most modules are the same for both, above all polars; they are stored once.
share_libraries() {
    first=$(libraries "${pythons%% *}")
    (cd "$first" && find . -type f) | while IFS= read -r file; do
        for python in ${pythons#* }; do
            copy=$(libraries "$python")/$file
            if cmp -s "$first/$file" "$copy"; then ln -f "$first/$file" "$copy"; fi
        done
    done
}

build_environment() {
    mkdir -p "$root/bin"
    ln -s /usr/bin/python3 "$root/bin/python3"
    printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$root/pyvenv.cfg"
    printf '#!%s/bin/python3\nfrom bankadvisor_etl.cli import main\n\nmain()\n' "$PREFIX" >"$root/bin/bankadvisor-etl"
    chmod 755 "$root/bin/bankadvisor-etl"
    build_libraries
    share_libraries
}

# Debian's paths.
place_as_debian() {
    mkdir -p "$DESTDIR/usr/lib/sysusers.d" "$DESTDIR/usr/lib/tmpfiles.d" "$share/doc/bankadvisor-etl"
    for kind in sysusers.d tmpfiles.d; do
        mv "$DESTDIR/etc/$kind/bankadvisor-etl.conf" "$DESTDIR/usr/lib/$kind/bankadvisor-etl.conf"
        rmdir "$DESTDIR/etc/$kind"
    done
    gzip -9n "$share/man/man8/bankadvisor-etl.8"
    rm -r "$DESTDIR/srv" # belongs to the operator; tmpfiles.d creates it
    install_file 644 growing-pauses.conf "$root/growing-pauses.conf"
    cp "$source/LICENSE" "$share/doc/bankadvisor-etl/copyright"
    gzip -9nc "$source/CHANGELOG.md" >"$share/doc/bankadvisor-etl/changelog.gz"
    grep -rlI 'from make install-units' "$DESTDIR/usr/bin" "$units" "$root/growing-pauses.conf" |
        xargs sed -i 's|from make install-units|from its Debian package|'
}

write_control() {
    mkdir "$DESTDIR/DEBIAN"
    for script in preinst postinst prerm postrm; do install -m 755 "$here/deb/$script" "$DESTDIR/DEBIAN/$script"; done
    install -m 644 "$here/deb/triggers" "$DESTDIR/DEBIAN/triggers"
    (cd "$DESTDIR" && find etc -type f | sort | sed 's|^|/|') >"$DESTDIR/DEBIAN/conffiles"
    size=$(du -sk --exclude DEBIAN "$DESTDIR" | cut -f1)
    sed -e "s|@VERSION@|$version|" -e "s|@ARCHITECTURE@|$architecture|" -e "s|@SIZE@|$size|" "$here/deb/control" \
        >"$DESTDIR/DEBIAN/control"
}

build_environment
install_config
install_file 755 bankadvisor-etl "$command"
install_unit_files
install_manual "$PYTHON"
place_as_debian
write_control
mkdir -p "$source/dist"
chmod 755 "$DESTDIR"
dpkg-deb --root-owner-group -Zzstd --build "$DESTDIR" "$source/dist/bankadvisor-etl_${version}_$architecture.deb"
