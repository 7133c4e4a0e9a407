"""The files of a small shop, as it would upload them: one place, three products, 60 weeks of sales."""

from __future__ import annotations

from datetime import date, timedelta

# A Tuesday, some weeks before it ends to be today; nothing depends on which day it is.
LAST = date(2026, 3, 31)
SKUS = ("TEA", "MUG", "POT")


def shop_files(last: date = LAST, weeks: int = 60) -> dict[str, bytes]:
    """File name to content; the headers are those of people, not of the templates."""
    days = [last - timedelta(days=n) for n in range(7 * weeks)][::-1]
    sales = [
        f"{sku};Main;{day.isoformat()};{2 + number + (day.toordinal() + number) % 4}"
        for number, sku in enumerate(SKUS)
        for day in days
        if day.weekday() != 6
    ]
    stock = [
        f"{sku},Main,{(last - timedelta(days=back)).isoformat()},{5 + 3 * number if back else number}"
        for number, sku in enumerate(SKUS)
        for back in range(70)
    ]
    texts = {
        "locations.csv": ["location_code,location_name,currency,country", "Main,Our warehouse,USD,US"],
        "products.csv": [
            "sku,product_name,name:zh-hans",
            "TEA,Green tea,绿茶",
            "MUG,Mug,杯子",
            "POT,Pot,茶壶",
        ],
        "suppliers.csv": ["code,name,currency", "NORTH,Northwind,USD"],
        "terms.csv": [
            "supplier,sku,unit_cost,currency,lead_time_days,moq",
            *(
                f"NORTH,{sku},{cost},USD,10,6"
                for sku, cost in zip(SKUS, ("2.50", "4.00", "9.00"), strict=True)
            ),
        ],
        "sales_2026.csv": ["SKU;Location;Day;Units sold", *sales],
        "stock.csv": ["sku,location,day,on_hand", *stock],
    }
    return {name: ("\n".join(lines) + "\n").encode() for name, lines in texts.items()}
