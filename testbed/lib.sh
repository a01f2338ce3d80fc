# For the scripts of testbed, demo, interop and .ci: where things lie, and how
# results are counted.  Sourced; `here` is the root of the tree.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
umask 022

# folder NAME: where NAME's throwaway things go.  Below build/, but for a tree
# that the user postgres may not enter (/root) or whose path is too long for a
# socket's: then below /tmp, where the caller removes it.
folder() {
    local dir=$here/build/$1
    mkdir -p "$dir"
    # what an earlier run as root left cannot be replaced by anybody else
    if [ "$(id -u)" != 0 ] && [ -n "$(find "$dir" ! -user "$(id -u)" -print -quit)" ]; then
        echo "$dir holds files of another user: remove it first, with: sudo rm -r $dir" >&2
        return 1
    fi
    if [ ${#dir} -gt 70 ] || { [ "$(id -u)" = 0 ] && ! runuser -u postgres -- test -x "$dir"; }; then
        dir=$(mktemp -d /tmp/jhub_authz.XXXXXX)
        chmod 755 "$dir"
    fi
    echo "$dir"
}

# remove_folder NAME DIR: what folder NAME said, if it lies outside the tree
remove_folder() { [ "$2" = "$here/build/$1" ] || rm -rf --one-file-system "$2"; }

# new_cluster DIR [SETTING=VALUE ...]: made anew, not started
new_cluster() {
    local dir=$1; shift
    "$here/testbed/pg" "$dir" remove
    "$here/testbed/pg" "$dir" create
    [ $# = 0 ] || "$here/testbed/pg" "$dir" set "$@"
}

# patiently COMMAND ...: what fetches something from the network, three times if need be
patiently() {
    local pause
    for pause in 15 45; do
        "$@" && return 0
        echo "failed, once more in $pause s: $1" >&2
        sleep $pause
    done
    "$@"
}

passed=0
failed=0
failures=()
details=()

# failures_in LOG: its first failures, a line or two of each
failures_in() {
    grep -A 2 -E '^ *(not ok|FINDING|# Failed test|attach failed)' "$1" | awk '!seen[$0]++' | cut -c 1-400 | head -n 12 || true
}

# stage LOGDIR NAME COMMAND ...: run it, add its last "N passed, N failed" to
# the sum, show the end of its log if anything failed.  Never fails itself.
stage() {
    local logdir=$1 name=$2 status=0 begin=$SECONDS log line p=0 f=0; shift 2
    mkdir -p "$logdir"
    log=$logdir/${name//[^A-Za-z0-9._-]/_}.log
    "$@" > "$log" 2>&1 </dev/null || status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
    if [ -n "$line" ]; then p=${line%% *}; f=${line#*, }; f=${f%% *}; fi
    # a stage that says nothing, or fails without a failed test, has failed
    if [ -z "$line" ] || { [ $status != 0 ] && [ "$f" = 0 ]; }; then f=$((f + 1)); fi
    passed=$((passed + p)) failed=$((failed + f))
    if [ "$f" != 0 ]; then
        failures+=("$name")
        details+=("$(failures_in "$log")")
        echo "---- $name: the end of ${log#"$here"/}"
        tail -n 60 "$log"
        echo "----"
    fi
    printf '%-32s %6d passed, %d failed  (%d s)\n' "$name" "$p" "$f" $((SECONDS - begin))
}

# closing_line: the one line at the end; status 1 if anything failed
closing_line() {
    local i
    for i in "${!failures[@]}"; do
        [ -z "${details[i]-}" ] || printf -- '---- %s, what failed\n%s\n' "${failures[i]}" "${details[i]}"
    done
    [ "$failed" = 0 ] || echo "failed: ${failures[*]}"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
