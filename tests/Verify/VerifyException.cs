namespace VerifyTests;

/// <summary>A received text differs from the verified one; the message shows the lines that do.</summary>
public sealed class VerifyException(string message) : Exception(message);
