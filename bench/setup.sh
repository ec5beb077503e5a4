# SPDX-License-Identifier: MIT
# setup.sh - have the packages that this project's scripts need.
#
#     . "$root/bench/setup.sh"
#     ppt_need gcc meson ninja-build -- libnsync-dev
#
# ppt_need takes Debian's names: first what the script cannot do without,
# then, after --, what it merely leaves out.  With apt-get it installs what
# is missing, and nothing else; elsewhere it says how to.  It returns only if
# all that is needed is there, and otherwise ends the script with status 1.
# To be sourced by a POSIX shell.

# Debian, Fedora, Alpine, Homebrew (-: not packaged, or always there), and
# what shows that a package is there, if apt-get cannot be used: it may have
# come in another way.
ppt__packages='
gcc             gcc              gcc             -         cmd:cc
g++             gcc-c++          g++             -         cmd:c++
clang           clang            clang           -         cmd:clang
libc6-dev       glibc-devel      musl-dev        -         inc:stdio.h
binutils        binutils         binutils        -         cmd:nm
meson           meson            meson           meson     cmd:meson
ninja-build     ninja-build      samurai         ninja     cmd:ninja
pkg-config      pkgconf-pkg-config pkgconf       pkgconf   cmd:pkg-config
make            make             make            make      cmd:make
autoconf        autoconf         autoconf        autoconf  cmd:autoconf
automake        automake         automake        automake  cmd:automake
libtool         libtool          libtool         libtool   cmd:libtoolize
libevent-dev    libevent-devel   libevent-dev    libevent  lib:libevent
git             git              git             git       cmd:git
check           check-devel      check-dev       check     lib:check
valgrind        valgrind-devel   valgrind-dev    -         cmd:valgrind
spin            -                -               spin      cmd:spin
python3         python3          python3         python3   cmd:python3
python3-dev     python3-devel    python3-dev     python3   lib:python3
python3-venv    python3          python3         python3   cmd:python3
hyperfine       hyperfine        hyperfine       hyperfine cmd:hyperfine
gnuplot-nox     gnuplot-minimal  gnuplot         gnuplot   cmd:gnuplot
apache2-utils   httpd-tools      apache2-utils   -         cmd:ab
chromium        chromium         chromium        -         cmd:chromium
wrk             -                wrk             wrk       cmd:wrk
xz-utils        xz               xz              xz        cmd:xz
pigz            pigz             pigz            pigz      cmd:pigz
zstd            zstd             zstd            zstd      cmd:zstd
pbzip2          pbzip2           pbzip2          pbzip2    cmd:pbzip2
lbzip2          lbzip2           lbzip2          lbzip2    cmd:lbzip2
memcached       memcached        memcached       memcached cmd:memcached
perl            perl             perl            perl      cmd:perl
default-jdk-headless java-devel  openjdk17-jdk   openjdk   cmd:javac
zlib1g-dev      zlib-devel       zlib-dev        zlib      lib:zlib
libjansson-dev  jansson-devel    jansson-dev     jansson   lib:jansson
libnsync-dev    -                -               nsync     inc:nsync.h
libglib2.0-dev  glib2-devel      glib-dev        glib      lib:glib-2.0
libabsl-dev     abseil-cpp-devel abseil-cpp-dev  abseil    lib:absl_base
gcc-i686-linux-gnu       - - - cmd:i686-linux-gnu-gcc
libc6-dev-i386-cross     - - - cmd:i686-linux-gnu-gcc
gcc-arm-linux-gnueabihf  - - - cmd:arm-linux-gnueabihf-gcc
libc6-dev-armhf-cross    - - - cmd:arm-linux-gnueabihf-gcc
gcc-arm-linux-gnueabi    - - - cmd:arm-linux-gnueabi-gcc
libc6-dev-armel-cross    - - - cmd:arm-linux-gnueabi-gcc
gcc-mipsel-linux-gnu     - - - cmd:mipsel-linux-gnu-gcc
libc6-dev-mipsel-cross   - - - cmd:mipsel-linux-gnu-gcc
gcc-powerpc-linux-gnu    - - - cmd:powerpc-linux-gnu-gcc
libc6-dev-powerpc-cross  - - - cmd:powerpc-linux-gnu-gcc
qemu-user                - - - cmd:qemu-arm
musl-tools               - - - cmd:musl-gcc
'

# ppt__column N PACKAGE...: the packages' names in column N, in one line.
ppt__column()
{
    ppt__n=$1
    shift
    for ppt__pkg; do
        printf '%s' "$ppt__packages" |
            awk -v name="$ppt__pkg" -v n="$ppt__n" '
                $1 == name { found = $n }
                END { print found == "" ? name : found }'
    done | grep -vx -e - | sort -u | paste -s -d ' ' -
}

ppt__has()
{
    command -v "$1" >/dev/null 2>&1
}

ppt__installed()
{
    if ppt__may_install; then
        dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
            grep -qx installed
        return
    fi
    ppt__probe=$(ppt__column 5 "$1")
    case $ppt__probe in
    lib:*) pkg-config --exists "${ppt__probe#lib:}" 2>/dev/null ;;
    inc:*) echo "#include <${ppt__probe#inc:}>" |
               ${CC:-cc} -E - >/dev/null 2>&1 ;;
    *) ppt__has "${ppt__probe#cmd:}" ;;
    esac
}

# Whether packages can be installed: as root, or with sudo.
ppt__may_install()
{
    ppt__root=
    ppt__has apt-get || return
    [ "$(id -u)" = 0 ] || { ppt__root=sudo && ppt__has sudo; }
}

ppt__apt()
{
    ppt__may_install || return
    $ppt__root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

# ppt__explain ADVICE PACKAGE...
ppt__explain()
{
    ppt__advice=$1
    shift
    cat >&2 <<END
$0: these packages are missing, and cannot be installed from here:
  Debian, Ubuntu  apt-get install $*
  Fedora          dnf install $(ppt__column 2 "$@")
  Alpine          apk add $(ppt__column 3 "$@")
  macOS           xcode-select --install; brew install $(ppt__column 4 "$@")
$ppt__advice
END
}

ppt_need()
{
    ppt__needed=
    ppt__liked=
    ppt__list=needed
    for ppt__name; do
        if [ "$ppt__name" = -- ]; then
            ppt__list=liked
        elif ppt__installed "$ppt__name"; then
            :
        elif [ $ppt__list = needed ]; then
            ppt__needed="$ppt__needed $ppt__name"
        else
            ppt__liked="$ppt__liked $ppt__name"
        fi
    done

    if [ -n "$ppt__needed$ppt__liked" ]; then
        if ppt__may_install; then
            echo "Installing:$ppt__needed$ppt__liked" >&2
            ppt__apt update || :
        fi
        ppt__install || exit 1
    fi

    # Debian's tools fit Debian's libraries; a version manager's shims,
    # earlier on the PATH, need not.
    if ppt__has apt-get; then
        PATH=/usr/bin:/bin:$PATH
        export PATH
    fi
}

# Install $ppt__needed and $ppt__liked; fail where the former cannot be.
ppt__install()
{
    # shellcheck disable=SC2086 # lists of words
    if ppt__apt install --no-install-recommends $ppt__needed; then
        ppt__needed=
    fi
    ppt__without=
    for ppt__name in $ppt__liked; do
        ppt__apt install --no-install-recommends "$ppt__name" ||
            ppt__without="$ppt__without $ppt__name"
    done
    # shellcheck disable=SC2086
    if [ -n "$ppt__needed" ]; then
        ppt__explain "Install them and run this again." \
            $ppt__needed $ppt__without
        return 1
    elif [ -n "$ppt__without" ]; then
        ppt__explain "Going on without them." $ppt__without
    fi
}
