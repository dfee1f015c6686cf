using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Build.Packaging;

/// <summary>
/// What the binary is made of, in SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/): each package that the restore of the project took,
/// with its checksum and licence, and whether it is linked in or a tool of the build.
/// </summary>
public static class BillOfMaterials
{
    private const string Assets = $"{BuildContext.Artifacts}/obj/Appliance/project.assets.json";
    private const string Document = "SPDXRef-DOCUMENT";
    private const string Product = "SPDXRef-Package-appliance";

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the document for a published binary.</summary>
    public static string Write(BuildContext context, string binary)
    {
        var created = DateTimeOffset.FromUnixTimeSeconds(long.Parse(context.SourceDateEpoch, CultureInfo.InvariantCulture));
        var sum = Distribution.Sha256(binary);
        var components = ReadComponents();
        var document = new JsonObject
        {
            ["spdxVersion"] = "SPDX-2.3",
            ["dataLicense"] = "CC0-1.0",
            ["SPDXID"] = Document,
            ["name"] = $"appliance-{context.Version}-linux-{BuildContext.Architecture}",
            ["documentNamespace"] = $"urn:appliance:{context.Version}:{sum}",
            ["creationInfo"] = new JsonObject
            {
                ["created"] = created.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
                ["creators"] = new JsonArray("Organization: the Appliance authors", $"Tool: appliance-build-{context.Version}"),
            },
            ["packages"] = new JsonArray([PackageOf(context, sum), .. components.Select(PackageOf)]),
            ["relationships"] = new JsonArray([Relate(Document, "DESCRIBES", Product), .. components.Select(RelationOf)]),
        };
        return document.ToJsonString(Readable) + "\n";
    }

    private sealed record Component(string Name, string Version, string Sha512, string License, string Supplier, bool IsLinked)
    {
        public string Id => $"SPDXRef-Package-{Name}-{Version}";
    }

    /// <summary>Packages for this platform. Those that are kept from dependants are tools, but for the one that holds the runtime.</summary>
    private static List<Component> ReadComponents()
    {
        var assets = JsonNode.Parse(File.ReadAllText(Assets))!;
        var runtime = $"linux-{BuildContext.Architecture}";
        var target = assets["targets"]!.AsObject().Single(target => target.Key.EndsWith($"/{runtime}", StringComparison.Ordinal)).Value!.AsObject();
        var asked = assets["project"]!["frameworks"]!.AsObject().Single().Value!["dependencies"]!.AsObject();
        var folder = assets["packageFolders"]!.AsObject().First().Key;
        return
        [
            .. target.Select(entry => entry.Key).Order(StringComparer.Ordinal).Select(key =>
            {
                var (name, version) = key.Split('/') is [var first, var second] ? (first, second) : throw new InvalidDataException(key);
                var library = assets["libraries"]![key]!;
                var (license, supplier) = ReadNuspec(Path.Combine(folder, library["path"]!.GetValue<string>(), $"{name.ToLowerInvariant()}.nuspec"));
                var sha512 = Convert.ToHexStringLower(Convert.FromBase64String(library["sha512"]!.GetValue<string>()));
                var isTool = asked[name]?["suppressParent"]?.GetValue<string>() == "All";
                return new Component(name, version, sha512, license, supplier, !isTool);
            }),
        ];
    }

    private static (string License, string Supplier) ReadNuspec(string file)
    {
        var metadata = XDocument.Load(file).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        string? Find(string name) => metadata.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
        var isExpression = metadata.Elements().Any(element => element.Name.LocalName == "license" && element.Attribute("type")?.Value == "expression");
        return (isExpression ? Find("license")! : "NOASSERTION", Find("authors") is { } authors ? $"Organization: {authors}" : "NOASSERTION");
    }

    private static JsonObject PackageOf(BuildContext context, string sum) => new()
    {
        ["SPDXID"] = Product,
        ["name"] = "appliance",
        ["versionInfo"] = context.Version,
        ["packageFileName"] = "appliance",
        ["supplier"] = "Organization: the Appliance authors",
        ["downloadLocation"] = "NOASSERTION",
        ["filesAnalyzed"] = false,
        ["primaryPackagePurpose"] = "APPLICATION",
        ["checksums"] = new JsonArray(Checksum("SHA256", sum)),
        ["licenseConcluded"] = "MIT",
        ["licenseDeclared"] = "MIT",
        ["copyrightText"] = "Copyright (c) 2026 the Appliance authors",
    };

    private static JsonObject PackageOf(Component component) => new()
    {
        ["SPDXID"] = component.Id,
        ["name"] = component.Name,
        ["versionInfo"] = component.Version,
        ["supplier"] = component.Supplier,
        ["downloadLocation"] = "NOASSERTION",
        ["filesAnalyzed"] = false,
        ["primaryPackagePurpose"] = component.IsLinked ? "LIBRARY" : "APPLICATION",
        ["checksums"] = new JsonArray(Checksum("SHA512", component.Sha512)),
        ["licenseConcluded"] = component.License,
        ["licenseDeclared"] = component.License,
        ["copyrightText"] = "NOASSERTION",
        ["externalRefs"] = new JsonArray(new JsonObject
        {
            ["referenceCategory"] = "PACKAGE-MANAGER",
            ["referenceType"] = "purl",
            ["referenceLocator"] = $"pkg:nuget/{component.Name}@{component.Version}",
        }),
    };

    private static JsonObject RelationOf(Component component) =>
        component.IsLinked ? Relate(Product, "STATIC_LINK", component.Id) : Relate(component.Id, "BUILD_TOOL_OF", Product);

    private static JsonObject Relate(string from, string how, string to) =>
        new() { ["spdxElementId"] = from, ["relationshipType"] = how, ["relatedSpdxElement"] = to };

    private static JsonObject Checksum(string algorithm, string value) => new() { ["algorithm"] = algorithm, ["checksumValue"] = value };
}
