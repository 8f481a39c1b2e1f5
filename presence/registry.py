"""What Redis keeps of presence: which processes live, and which users each of them holds. Every step is one script.

The whole state is `processes`, a sorted set of process ids by their last heartbeat, and for each process
`process:<id>`, a hash with a field for each user who has a socket there. A user is online when any registered process
holds them: that is derived and stored nowhere, so nothing can get out of step with it. The hash's field with the empty
name counts its changes; a process that finds another count than it left has lost something and registers anew.

Only scripts make users come and go, never the mere passing of time: a silent process still counts until another one
removes it, in the script that also finds who went offline by that. So each change has exactly one observer.
`claims:<id>` holds the users whom process <id> has still to announce as gone, `deaths:<id>` the processes whose death
it has to; the process that removes it inherits them.

The clock is the Redis server's. Every key expires when no heartbeat renews it. No Redis Cluster: keys are not declared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from persistence.redis_client import async_redis

_PROLOGUE = """
local prefix, me, expiry, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local processes, mine, claims = prefix .. 'processes', prefix .. 'process:' .. me, prefix .. 'claims:' .. me
local deaths = prefix .. 'deaths:' .. me
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local registered
local function is_online(user)
    registered = registered or redis.call('ZRANGE', processes, 0, -1)
    for _, process in ipairs(registered) do
        if redis.call('HEXISTS', prefix .. 'process:' .. process, user) == 1 then return true end
    end
    return false
end
local function stay()
    redis.call('PEXPIRE', processes, ttl)
    redis.call('PEXPIRE', mine, ttl)
    redis.call('PEXPIRE', claims, ttl)
    redis.call('PEXPIRE', deaths, ttl)
end
"""

# ARGV[5]: '1' when the users named are all of this process, '0' when they are changes. ARGV[6]: how many come.
# Then those who come, then those who go. Answers {} to changes of a process that is not registered.
_CHANGE = (
    _PROLOGUE
    + """
local whole, last_coming = ARGV[5] == '1', 6 + tonumber(ARGV[6])
if not redis.call('ZSCORE', processes, me) then
    if not whole then return {} end
    redis.call('DEL', mine) -- what an unregistered process holds has not counted
end
local coming, going, came, went = {}, {}, {}, {}
for i = 7, last_coming do coming[ARGV[i]] = true end
if whole then
    for _, user in ipairs(redis.call('HKEYS', mine)) do
        if user ~= '' and not coming[user] then going[#going + 1] = user end
    end
else
    for i = last_coming + 1, #ARGV do going[#going + 1] = ARGV[i] end
end
for i = 7, last_coming do
    local user = ARGV[i]
    if redis.call('HEXISTS', mine, user) == 0 then
        if not is_online(user) then came[#came + 1] = user end
        redis.call('HSET', mine, user, 1)
    end
end
for _, user in ipairs(going) do
    if redis.call('HDEL', mine, user) == 1 and not is_online(user) then went[#went + 1] = user end
end
if whole then redis.call('ZADD', processes, now, me) end
local version = redis.call('HINCRBY', mine, '', 1)
stay()
return {version, came, went}
"""
)

# A process judges others only if its own last heartbeat is recent: after an outage of Redis everybody's is old, and
# nobody is dead. Answers {} to a process that is not registered.
_BEAT = (
    _PROLOGUE
    + """
local before = redis.call('ZSCORE', processes, me)
if not before then return {} end
redis.call('ZADD', processes, now, me)
local version, went = tonumber(redis.call('HGET', mine, '') or 0), {}
if now - tonumber(before) < expiry then
    local left, seen = {}, {}
    for _, process in ipairs(redis.call('ZRANGEBYSCORE', processes, '-inf', now - expiry)) do
        local held, claimed = prefix .. 'process:' .. process, prefix .. 'claims:' .. process
        for _, users in ipairs({redis.call('HKEYS', held), redis.call('SMEMBERS', claimed)}) do
            for _, user in ipairs(users) do
                if user ~= '' and not seen[user] then
                    seen[user] = true
                    left[#left + 1] = user
                end
            end
        end
        local inherited = prefix .. 'deaths:' .. process
        redis.call('SADD', deaths, process, unpack(redis.call('SMEMBERS', inherited)))
        redis.call('DEL', held, claimed, inherited)
        redis.call('ZREM', processes, process)
    end
    for _, user in ipairs(left) do
        if not is_online(user) then
            redis.call('SADD', claims, user)
            went[#went + 1] = user
        end
    end
end
stay()
return {version, went, redis.call('SMEMBERS', deaths)}
"""
)

# ARGV[5] and on: users. Answers whether this process is registered, and the positions of the users who are online.
_ONLINE = (
    _PROLOGUE
    + """
local unknown, found = {}, {}
for i = 5, #ARGV do unknown[#unknown + 1] = i end
for _, process in ipairs(redis.call('ZRANGE', processes, 0, -1)) do
    local still = {}
    for first = 1, #unknown, 1000 do -- as many as Lua can pass to one call, with room to spare
        local users = {}
        for i = first, math.min(first + 999, #unknown) do users[#users + 1] = ARGV[unknown[i]] end
        for i, held in ipairs(redis.call('HMGET', prefix .. 'process:' .. process, unpack(users))) do
            local place = unknown[first + i - 1]
            if held then found[#found + 1] = place - 5 else still[#still + 1] = place end
        end
    end
    unknown = still
end
return {redis.call('ZSCORE', processes, me) and 1 or 0, found}
"""
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of this process's users did.

    Attributes:
        version: The count of this process's changes.
        came: Who came online by it.
        went: Who went offline by it.
    """

    version: int
    came: list[str]
    went: list[str]


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat found.

    Attributes:
        version: The count of this process's changes.
        went: Who went offline with processes that died.
        died: Processes whose death this one is still to announce.
    """

    version: int
    went: list[str]
    died: list[str]


class Registry:
    """Redis as one process sees it.

    Every method is one round trip on a connection of its own, without retries: a step whose answer was lost may have
    been done, and only the caller can make that good. All raise REDIS_AWAY when Redis does not answer.

    Args:
        redis_url: `redis://…`
        process_id: The id of this process.
        prefix: The beginning of every key.
        expiry: Seconds without a heartbeat after which a process is dead.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, redis_url: str, process_id: str, *, prefix: str, expiry: float, timeout: float = 2.0) -> None:
        self._redis = async_redis(redis_url, patience=timeout, decode_responses=True, encoding_errors="surrogatepass")
        self._process_id = process_id
        self._prefix = prefix
        # The keys outlive the process they describe by far, for another one to find them.
        self._arguments = (prefix, process_id, int(expiry * 1000), int(expiry * 20_000))
        self._change = self._redis.register_script(_CHANGE)
        self._beat = self._redis.register_script(_BEAT)
        self._online = self._redis.register_script(_ONLINE)

    async def change(self, coming: Collection[str], going: Iterable[str]) -> Change | None:
        """Add users whose first socket in this process came, and remove those whose last one went.

        Returns:
            What it did; None: this process is not registered.
        """
        return self._changed(await self._run(self._change, "0", len(coming), *coming, *going))

    async def register(self, users: Collection[str]) -> Change:
        """Register this process, which holds exactly these users."""
        change = self._changed(await self._run(self._change, "1", len(users), *users))
        if change is None:
            raise AssertionError("a registration is never refused")
        return change

    async def beat(self) -> Beat | None:
        """Renew this process's registration, and remove processes that died.

        Returns:
            Who went offline, whom this process must announce and then pass to `announced`; None: this process is not
            registered.
        """
        answer = await self._run(self._beat)
        return Beat(*answer) if answer else None

    async def announced(self, users: Sequence[str]) -> None:
        """Give up the claim on users: they were announced as offline."""
        if users:
            await self._redis.srem(f"{self._prefix}claims:{self._process_id}", *users)

    async def death_announced(self, process_id: str) -> None:
        """Give up the claim on the death of a process, which was announced."""
        await self._redis.srem(f"{self._prefix}deaths:{self._process_id}", process_id)

    async def online(self, users: Sequence[str]) -> tuple[bool, set[str]]:
        """Whether this process is registered, and which of `users` are online."""
        registered, places = await self._run(self._online, *users)
        return bool(registered), {users[place] for place in places}

    async def count(self) -> int:
        """How many users are online; those of several processes are read, a part at a time, to count each once."""
        processes: Any = await self._redis.zrange(f"{self._prefix}processes", 0, -1)
        keys = [f"{self._prefix}process:{process}" for process in processes]
        if len(keys) == 1:
            return max(0, int(await self._redis.hlen(keys[0])) - 1)  # without the count of changes
        users: set[str] = set()
        for key in keys:
            async for user, _ in self._redis.hscan_iter(key, count=1000):
                users.add(user)
        users.discard("")
        return len(users)

    async def others(self, seconds: float) -> int:
        """Count the other processes with a heartbeat in the last so many seconds."""
        now, microseconds = await self._redis.time()
        since = now * 1000 + microseconds // 1000 - int(seconds * 1000)
        alive: Any = await self._redis.zrangebyscore(f"{self._prefix}processes", since, "+inf")
        return sum(process != self._process_id for process in alive)

    async def retire(self) -> None:
        """Have this process taken for dead at the next heartbeat of any other process."""
        await self._redis.zadd(f"{self._prefix}processes", {self._process_id: 0}, xx=True)

    async def close(self) -> None:
        """Close the connections; another call opens new ones."""
        await self._redis.aclose()

    async def _run(self, script: Any, *arguments: str | int) -> Any:
        return await script(args=[*self._arguments, *arguments])

    @staticmethod
    def _changed(answer: list[Any]) -> Change | None:
        return Change(*answer) if answer else None
