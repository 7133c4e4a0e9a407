"""Pictures: the SKU page's charts (`charts.sku`, heavy), and the bridge as a waterfall."""

from replenishment.charts.bridge import Bar, BridgeRow, Waterfall, bridge_of, waterfall

__all__ = ["Bar", "BridgeRow", "Waterfall", "bridge_of", "waterfall"]
