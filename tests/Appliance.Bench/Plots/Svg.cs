using System.Globalization;
using System.Net;
using System.Text;

namespace Appliance.Bench.Plots;

/// <summary>A picture of lines, boxes and words, readable on light and on dark pages.</summary>
public sealed class Svg(int width)
{
    private const string Style = """
          text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2937 }
          .title { font-size: 16px; font-weight: 600 }
          .panel { font-weight: 600 }
          .quiet { fill: #6b7280; font-size: 11px }
          .page { fill: #ffffff }
          .grid { stroke: #e5e7eb }
          .ours { fill: #2563eb; stroke: #2563eb }
          .peer { fill: #9ca3af; stroke: #9ca3af }
          .limit { fill: none; stroke: #9ca3af; stroke-dasharray: 3 2 }
          .spread { stroke: #1f2937 }
          .own { font-weight: 600 }
          @media (prefers-color-scheme: dark) {
            text { fill: #e5e7eb }
            .quiet { fill: #9ca3af }
            .page { fill: #111827 }
            .grid { stroke: #374151 }
            .ours { fill: #60a5fa; stroke: #60a5fa }
            .peer { fill: #6b7280; stroke: #6b7280 }
            .limit { stroke: #9ca3af }
            .spread { stroke: #e5e7eb }
          }
        """;

    private readonly StringBuilder _body = new();

    /// <summary>A box.</summary>
    public void Box(double x, double y, double boxWidth, double height, string style) => Add(
        $"""<rect x="{x:0.#}" y="{y:0.#}" width="{Math.Max(0.5, boxWidth):0.#}" height="{height:0.#}" class="{style}"/>""");

    /// <summary>A line.</summary>
    public void Line(double x1, double y1, double x2, double y2, string style, double strokeWidth = 1) => Add(
        $"""<line x1="{x1:0.#}" y1="{y1:0.#}" x2="{x2:0.#}" y2="{y2:0.#}" class="{style}" stroke-width="{strokeWidth:0.#}"/>""");

    /// <summary>A dot.</summary>
    public void Dot(double x, double y, double radius, string style) => Add(
        $"""<circle cx="{x:0.#}" cy="{y:0.#}" r="{radius:0.#}" class="{style}"/>""");

    /// <summary>Words; the anchor is <c>start</c>, <c>middle</c> or <c>end</c>.</summary>
    public void Text(double x, double y, string words, string style = "", string anchor = "start") => Add(
        $"""<text x="{x:0.#}" y="{y:0.#}" class="{style}" text-anchor="{anchor}">{WebUtility.HtmlEncode(words)}</text>""");

    /// <summary>The whole file.</summary>
    public string File(int height, string description) => string.Create(CultureInfo.InvariantCulture,
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
        <title>{WebUtility.HtmlEncode(description)}</title>
        <style>
        {Style}
        </style>
        <rect width="{width}" height="{height}" rx="8" class="page"/>
        {_body}</svg>

        """);

    private void Add(FormattableString element) => _ = _body.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
