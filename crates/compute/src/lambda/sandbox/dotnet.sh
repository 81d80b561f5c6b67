# Runs a function in .NET: an executable assembly or a program by its name, a method of a class library by the runtime's
# own program. The words that this is given are what the command is given to.

root=$LAMBDA_TASK_ROOT
dotnet=$DOTNET_ROOT/dotnet

wrong() {
    echo "Error: $2" >&2
    exit "$1"
}

# one NAME KIND CODE: the package's file of a kind: the one of this name, else the only one that there is.
one() {
    if [ -f "$root/$1.$2" ]; then
        found=$root/$1.$2
        return
    fi
    set -- "$2" "$3" "$root"/*."$2"
    [ $# -eq 3 ] && [ -f "$3" ] || wrong "$2" "the $root directory is missing the required .$1 file."
    found=$3
}

case $_HANDLER in
*:*)
    name=${LAMBDA_DOTNET_MAIN_ASSEMBLY:-${_HANDLER%%:*}}
    name=${name%.dll}
    one "$name" deps.json 105
    deps=$found
    one "$name" runtimeconfig.json 106
    set -- "$@" "$dotnet" exec --depsfile "$deps" --runtimeconfig "$found" /var/runtime/lib/bootstrap.dll "$_HANDLER"
    ;;
*)
    assembly=$root/${_HANDLER%.dll}.dll
    if [ -f "$assembly" ]; then
        set -- "$@" "$dotnet" exec "$assembly"
    elif [ -f "$root/$_HANDLER" ]; then
        set -- "$@" "$root/$_HANDLER"
    else
        wrong 104 "executable assembly $assembly or binary $root/$_HANDLER not found."
    fi
    ;;
esac
exec "$@"
