"""The kind of each field, by resource."""

_SHIPMENT = {
    "id": "id",
    "tracking_number": "text",
    "status": "text",
    "recipient_name": "text",
    "weight": "money",
    "pieces": "integer",
    "created_at": "timestamp",
    "updated_at": "timestamp",
}
_CONTACT = {"id": "id", "name": "text", "notes": "text", "created_at": "timestamp", "updated_at": "timestamp"}

RESOURCES = {
    "contact": _CONTACT,
    "group": _CONTACT,
    "location": _CONTACT,
    "shipment": _SHIPMENT,
    "tracker": _SHIPMENT,
    "shipping_label_inference": _SHIPMENT,
}
