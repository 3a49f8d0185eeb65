from django.db import models


class Message(models.Model):
    room = models.CharField(max_length=100)
    client_id = models.UUIDField()
    sender_id = models.UUIDField()
    sender_name = models.CharField(max_length=100)
    message = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["room", "id"])]
