using Cake.Core;

namespace Cake.Frosting;

/// <summary>The context of a build.</summary>
public interface IFrostingContext : ICakeContext;

/// <summary>Base of a build's own context: everything that Cake offers, to be extended by the build's facts.</summary>
public class FrostingContext(ICakeContext context) : CakeContextAdapter(context), IFrostingContext;
