#!/usr/bin/env pwsh
Push-Location $PSScriptRoot; try { dotnet run --project build -- @args } finally { Pop-Location }; exit $LASTEXITCODE
