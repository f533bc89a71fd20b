"""The voice gateway (version 8): a sans-IO protocol, an aiohttp shell, and the thread that they run on."""
