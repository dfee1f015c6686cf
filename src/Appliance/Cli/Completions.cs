using System.Text;

namespace Appliance.Cli;

/// <summary>Completion for three shells, made from the commands and settings that the command line itself is made of.</summary>
internal static class Completions
{
    private const string Origin = "completion of appliance(8), made from its tables by 'appliance dump'";

    private static readonly CompletionTree Tree = new();

    private static IEnumerable<CompletionNode> Commands => Tree.Nodes.Where(node => node.Path.Length > 0);

    /// <summary>All commands, as a pattern of a shell's <c>case</c> for what stands before a word, a space and the word.</summary>
    private static string CommandPattern => string.Join(" | ", Commands.Select(node => node.Names.Length == 1 ? $"' {node.Path}'" : $"'{node.Path}'"));

    /// <summary>For bash.</summary>
    public static string Bash()
    {
        const string Files = "mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); ";
        const string Directories = "mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); ";
        var text = new StringBuilder($$"""
            # {{Origin}}
            # shellcheck shell=bash

            _appliance() {
                local word words='' command='' current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
                # bash makes three words of --name=value.
                [[ $previous != = ]] || previous=${COMP_WORDS[COMP_CWORD - 2]}
                [[ $current != = ]] || current=''
                COMPREPLY=()
                case $previous in

            """);
        foreach (var value in Tree.Values)
        {
            string answer = Choose(value, words => $"mapfile -t COMPREPLY < <(compgen -W '{words}' -- \"$current\"); ", Files, Directories, "");
            _ = text.Append($"        {value.Name}) {answer}return ;;\n");
        }

        _ = text.Append($$"""
                esac
                for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
                    case "$command $word" in
                        {{CommandPattern}}) command=${command:+$command }$word ;;
                    esac
                done
                case $command in

            """);
        foreach (var node in Tree.Nodes)
        {
            string words = string.Join(' ', node.Commands.Concat(node.Options).Select(word => word.Word));
            _ = text.Append($"        '{node.Path}') {(node.TakesDirectory ? Directories : "")}words='{words}' ;;\n");
        }

        return text.Append("""
                esac
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$words" -- "$current")
            }
            complete -F _appliance appliance

            """).ToString();
    }

    /// <summary>For fish.</summary>
    public static string Fish()
    {
        var text = new StringBuilder($"# {Origin}\ncomplete -c appliance -f\n");
        foreach (var node in Tree.Nodes)
        {
            string condition = node.Names.Length == 0
                ? "__fish_use_subcommand"
                : string.Join("; and ", node.Names.Select(name => $"__fish_seen_subcommand_from {name}"));
            foreach (var (word, help) in node.Commands)
            {
                _ = text.Append($"complete -c appliance -n '{condition}' -a {word} -d {FishQuote(help)}\n");
            }

            foreach (var (word, help) in node.Options)
            {
                var value = Tree.Values.FirstOrDefault(value => value.Name == word);
                string takes = value is null ? "" : Choose(value, words => $" -x -a '{words}'", " -r -F", " -r -F", " -x");
                string name = word.StartsWith("--", StringComparison.Ordinal) ? $"-l {word[2..]}" : $"-s {word[1..]}";
                _ = text.Append($"complete -c appliance -n '{condition}' {name}{takes} -d {FishQuote(help)}\n");
            }

            if (node.TakesDirectory)
            {
                _ = text.Append($"complete -c appliance -n '{condition}' -a '(__fish_complete_directories)'\n");
            }
        }

        return text.ToString();
    }

    /// <summary>For zsh.</summary>
    public static string Zsh()
    {
        var text = new StringBuilder($$"""
            #compdef appliance
            # {{Origin}}

            _appliance() {
                local command word
                local -a choices
                case "${words[CURRENT-1]}" in

            """);
        foreach (var value in Tree.Values)
        {
            _ = text.Append($"        {value.Name}) {Choose(value, words => $"compadd -- {words}; ", "_files; ", "_files -/; ", "")}return ;;\n");
        }

        _ = text.Append($$"""
                esac
                for word in "${(@)words[2,CURRENT-1]}"; do
                    case "$command $word" in
                        {{CommandPattern}}) command=${command:+$command }$word ;;
                    esac
                done
                case "$command" in

            """);
        foreach (var node in Tree.Nodes)
        {
            _ = text.Append($"        '{node.Path}')\n            choices=(\n");
            foreach (var (word, help) in node.Commands.Concat(node.Options))
            {
                _ = text.Append($"                {ZshQuote($"{word}:{help.Replace(":", "\\:", StringComparison.Ordinal)}")}\n");
            }

            _ = text.Append($"            )\n{(node.TakesDirectory ? "            _files -/\n" : "")}            ;;\n");
        }

        return text.Append("    esac\n    _describe -o 'option or command' choices\n}\n\n_appliance \"$@\"\n").ToString();
    }

    private static string Choose(CompletionValue value, Func<string, string> ofWords, string files, string directories, string anything) => value switch
    {
        { Words.Count: > 0 } => ofWords(string.Join(' ', value.Words)),
        { Stands: "FILE" } => files,
        { Stands: "DIR" } => directories,
        _ => anything,
    };

    private static string FishQuote(string text) => $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    private static string ZshQuote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
