import json
import uuid
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from .models import Message


class ChatConsumer(AsyncWebsocketConsumer):
    """The tutorial's consumer; a message is saved before it is sent to the group."""

    async def connect(self):
        self.room = self.scope["url_route"]["kwargs"]["room"]
        self.group = f"chat_{self.room}"
        self.sender_id = str(uuid.uuid4())
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        after = parse_qs(self.scope["query_string"].decode()).get("after")
        if after is not None:
            for message in await self.missed(int(after[0])):
                await self.send(text_data=to_frame(message))

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data):
        frame = json.loads(text_data)
        message = await self.save(frame["id"], frame["message"])
        # Encoded once for all members, where the tutorial does it once for each.
        await self.channel_layer.group_send(
            self.group, {"type": "chat.message", "text": to_frame(message)}
        )

    async def chat_message(self, event):
        await self.send(text_data=event["text"])

    @database_sync_to_async
    def save(self, client_id, text):
        return Message.objects.create(
            room=self.room,
            client_id=client_id,
            sender_id=self.sender_id,
            sender_name="Guest",
            message=text,
        )

    @database_sync_to_async
    def missed(self, after):
        return list(Message.objects.filter(room=self.room, id__gt=after).order_by("id"))


def to_frame(message):
    """The fields of Maru's messages, so that all peers send the same bytes."""
    return json.dumps(
        {
            "type": "message",
            "position": message.id,
            "seq": message.id,
            "version": message.id,
            "id": str(message.client_id),
            "message": message.message,
            "sender": {"id": str(message.sender_id), "name": message.sender_name},
            "created_at": message.created_at.isoformat(),
        },
        separators=(",", ":"),
    )
