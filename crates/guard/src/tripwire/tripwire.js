// First in a personal page: sees whether the page was made for this browser's viewer, before anything of it is parsed.
// The mark and the check are described in mark.rs. Plain old JavaScript: where this does not parse, nothing is seen.
(function () {
  'use strict';
  var COOKIE = '__Host-suimon-viewer', NAME = 'suimon-response', FRESH = 'suimon-fresh';
  var HELD = 'suimon-viewers', MOST_HELD = 8, PAGES = 'suimon-pages', MOST_PAGES = 32, MARGIN = 2e3, DAY = 864e5;
  var REPORT = '/.well-known/suimon/guard/report', NOTICE = '/.well-known/suimon/guard/not-shown', AGAIN = 'suimon-again';
  var TRIES = 'suimon-tries', MOST_TRIES = 3, PAUSE = 3e4;
  var MARK = /^v1\.([0-9a-f]{32})\.([0-9a-f]{32})\.[0-9a-f]{32}\.([oae])$/;
  var VIEWER = /^v1\.[a-z0-9]{1,16}\.[0-9a-f]{32}$/;
  var FRESH_PARAMETER = /([?&])suimon-fresh=[0-9a-f]{16}(&|$)/;
  var root = document.documentElement, meta = document.querySelector('meta[name="' + NAME + '"]');
  if (Object.prototype.hasOwnProperty.call(window, NAME)) return;
  Object.defineProperty(window, NAME, { value: true });

  // SHA-256 (FIPS 180-4) of ASCII, at once: what the browser offers answers later, and by then the page would be painted.
  var K = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ];
  var H0 = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
  ];
  function sha256(text) {
    var words = [], w = [], h = H0.slice(), length = text.length, i, t;
    for (i = 0; i < length; i++) words[i >> 2] |= text.charCodeAt(i) << (24 - i % 4 * 8);
    words[length >> 2] |= 0x80 << (24 - length % 4 * 8);
    var end = ((length + 8 >> 6) << 4) + 15;
    words[end] = length * 8;
    function turned(x, by) { return x >>> by | x << (32 - by); }
    for (i = 0; i < end; i += 16) {
      var a = h.slice();
      for (t = 0; t < 64; t++) {
        if (t < 16) w[t] = words[i + t] | 0;
        else {
          var x = w[t - 15], y = w[t - 2];
          w[t] = w[t - 16] + (turned(x, 7) ^ turned(x, 18) ^ x >>> 3) + w[t - 7] + (turned(y, 17) ^ turned(y, 19) ^ y >>> 10) | 0;
        }
        var e = a[4], b = a[0];
        var one = a[7] + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + (e & a[5] ^ ~e & a[6]) + K[t] + w[t] | 0;
        var two = (turned(b, 2) ^ turned(b, 13) ^ turned(b, 22)) + (b & a[1] ^ b & a[2] ^ a[1] & a[2]) | 0;
        a = [one + two | 0, a[0], a[1], a[2], a[3] + one | 0, a[4], a[5], a[6]];
      }
      for (t = 0; t < 8; t++) h[t] = h[t] + a[t] | 0;
    }
    return h.map(function (word) { return ('0000000' + (word >>> 0).toString(16)).slice(-8); }).join('');
  }

  function digits(bytes) {
    var some = new Uint8Array(bytes);
    window.crypto.getRandomValues(some);
    return Array.prototype.map.call(some, function (byte) { return ('0' + byte.toString(16)).slice(-2); }).join('');
  }
  function viewer() {
    var cookies = document.cookie.split('; ');
    for (var i = 0; i < cookies.length; i++) {
      if (cookies[i].indexOf(COOKIE + '=') === 0) {
        var value = cookies[i].slice(COOKIE.length + 1);
        return VIEWER.test(value) ? value : '';
      }
    }
    return '';
  }
  function check(id, value) {
    return sha256('suimon-tripwire-v1,32:' + id + ',' + value.length + ':' + value + ',').slice(0, 32);
  }
  function stored(key) {
    try {
      var list = JSON.parse(localStorage.getItem(key));
      return Array.isArray(list) ? list : [];
    } catch (_) { return []; /* No leave, or not ours. */ }
  }
  function store(key, list) {
    try { localStorage.setItem(key, JSON.stringify(list)); } catch (_) { /* No leave: then it is not remembered. */ }
  }
  // What this browser holds and held before: value, when it was first seen, when last; the newest first.
  function held() {
    return stored(HELD).filter(function (one) { return one && VIEWER.test(one[0]); });
  }
  function remember(value) {
    if (!value) return;
    var list = held(), own = [value, Date.now()];
    list = list.filter(function (one) {
      if (one[0] === value) own = one;
      return one[0] !== value;
    });
    own[2] = Date.now();
    store(HELD, [own].concat(list).slice(0, MOST_HELD));
  }
  // Held before, and this is no other person: a page under way while somebody signs in, or while keys change. Two tags under one key are
  // two people, who share the browser.
  function was(one) {
    function key(of) { return of.split('.')[1]; }
    var innocent = key(one[0]) === 'nonce' || key(one[0]) !== key(viewer());
    return innocent && Date.now() - one[2] < DAY;
  }
  // Made here and not by an answer: a cache would hand an answer's cookie on together with its page. It is no secret and allows nothing, so
  // it may come along from other sites: then a page that was asked for without it was asked for by another browser.
  function greet() {
    if (!viewer()) {
      document.cookie = COOKIE + '=v1.nonce.' + digits(16) + '; Path=/; Max-Age=15552000; Secure; SameSite=None';
    }
    remember(viewer());
  }
  // Whether a page that was made for nobody is somebody's all the same: this browser had its cookie before it asked.
  function isLate(mark) {
    var value = viewer(), pages = stored(PAGES);
    var own = held().filter(function (one) { return one[0] === value; })[0];
    // In a frame cookies may stay behind; a tag is the guard's, and need not come along from other sites.
    if (window.top === window && value.indexOf('v1.nonce.') === 0 && own && own[1] + MARGIN < performance.timeOrigin) {
      // Its own store may give a page that came before the cookie.
      return pages.indexOf(mark.id) < 0;
    }
    if (pages.indexOf(mark.id) < 0) store(PAGES, [mark.id].concat(pages).slice(0, MOST_PAGES));
    return false;
  }

  // 'own', 'nobody' (asked for without a cookie), 'past', 'foreign'; null where there is nothing to see.
  function judge(text) {
    var mark = MARK.exec(text || '');
    if (!mark) return null;
    var id = mark[1], said = mark[2];
    var made = said === check(id, '') ? 'nobody' : said === check(id, viewer()) ? 'own' : 'foreign';
    if (made === 'foreign' && held().some(function (one) { return was(one) && said === check(id, one[0]); })) made = 'past';
    return { text: text, id: id, made: made, enforce: mark[3] === 'e' };
  }
  var sendTo = window.fetch, told = {};
  function report(mark, how) {
    if (told[mark.id]) return;
    told[mark.id] = true;
    var body = JSON.stringify({ mark: mark.text, viewer: check(mark.id, viewer()), how: how });
    var type = { 'Content-Type': 'application/json' };
    try {
      if (sendTo) {
        sendTo.call(window, REPORT, { method: 'POST', body: body, headers: type, keepalive: true, credentials: 'same-origin' })
          .then(null, function () {});
      } else {
        var request = new XMLHttpRequest();
        open.call(request, 'POST', REPORT, true);
        request.setRequestHeader('Content-Type', type['Content-Type']);
        send.call(request, body);
      }
    } catch (_) { /* The page's own policy is against it. */ }
  }

  function pastCaches(address) {
    var bare = address.replace(FRESH_PARAMETER, function (_, before, after) { return after ? before : ''; });
    return bare + (bare.indexOf('?') < 0 ? '?' : '&') + FRESH + '=' + digits(8);
  }
  function tired() {
    try {
      var tries = JSON.parse(sessionStorage.getItem(TRIES)) || [0, 0];
      if (!(Date.now() - tries[1] < PAUSE)) tries = [0, Date.now()];
      tries[0]++;
      sessionStorage.setItem(TRIES, JSON.stringify(tries));
      return tries[0] > MOST_TRIES;
    } catch (_) { return false; }
  }
  function hide(mark) {
    var here = location.pathname + location.search;
    root.style.setProperty('display', 'none', 'important');
    // Nothing more of it is parsed.
    if (document.readyState === 'loading') window.stop();
    if (!FRESH_PARAMETER.test(here) && !tired()) return location.replace(pastCaches(here) + location.hash);
    // A cache that looks at no query, or redirections from one of its pages to the next: not once more. A page whose parser was stopped
    // paints nothing, so another takes its place.
    try { sessionStorage.setItem(AGAIN, here); } catch (_) { /* No leave: then its link leads to the top. */ }
    location.replace(NOTICE + '#' + mark.id);
  }
  // On the notice itself.
  function notice() {
    var link = document.querySelector('a'), here = null;
    document.querySelector('output').textContent = (/^#[0-9a-f]{32}$/.exec(location.hash) || ['#'])[0].slice(1);
    try { here = sessionStorage.getItem(AGAIN); } catch (_) { /* As above. */ }
    // A path of this site, and not the name of another.
    if (/^\/(?![\/\\])/.test(here || '')) link.href = pastCaches(here);
  }

  // Of a page that a script asked for, or that was put into one, nothing is hidden but what was asked for.
  function refused(text) {
    try {
      var mark = judge(text);
      if (!mark || mark.made !== 'foreign') return false;
      report(mark, 'fetch');
      return mark.enforce;
    } catch (_) { return false; /* No leave to read cookies. */ }
  }
  function isOwn(address) {
    try { return new URL(address, location.href).origin === location.origin; } catch (_) { return false; }
  }
  if (sendTo) {
    window.fetch = function fetch() {
      return sendTo.apply(window, arguments).then(function (answer) {
        if (answer.type === 'basic' && refused(answer.headers.get(NAME))) {
          if (answer.body) answer.body.cancel().then(null, function () {});
          throw new TypeError('the answer was made for another viewer');
        }
        return answer;
      });
    };
  }
  var open = XMLHttpRequest.prototype.open, send = XMLHttpRequest.prototype.send;
  var BODIES = ['response', 'responseText', 'responseXML'];
  XMLHttpRequest.prototype.open = function () {
    for (var i = 0; i < BODIES.length; i++) delete this[BODIES[i]];
    return open.apply(this, arguments);
  };
  XMLHttpRequest.prototype.send = function () {
    var request = this, looked = false, stopped = false;
    function look() {
      if (looked || request.readyState < 2) return;
      looked = true;
      if (!isOwn(request.responseURL) || !refused(request.getResponseHeader(NAME))) return;
      stopped = true;
      for (var i = 0; i < BODIES.length; i++) {
        Object.defineProperty(request, BODIES[i], { value: BODIES[i] === 'responseText' ? '' : null, configurable: true });
      }
      // Before the body comes, so that nobody was given any of it.
      request.abort();
    }
    request.addEventListener('readystatechange', look);
    request.addEventListener('loadend', function done() {
      request.removeEventListener('readystatechange', look);
      request.removeEventListener('loadend', done);
    });
    var sent = send.apply(request, arguments);
    // Of a request that is waited for, no event tells before its end.
    look();
    if (stopped) throw new DOMException('the answer was made for another viewer', 'NetworkError');
    return sent;
  };

  if (root.hasAttribute('data-suimon-notice')) return notice();
  try {
    var first = judge(meta && meta.content);
    if (first && first.made === 'nobody' && isLate(first)) first.made = 'foreign';
    // Whatever cannot be done here must not keep the page from being hidden.
    try { greet(); } catch (_) { /* No chance: then there is no nonce. */ }
    if (first && first.made === 'foreign') {
      report(first, 'page');
      if (first.enforce) hide(first);
    } else if (first) {
      // Kept by the browser itself, from before another person signed in: nobody else's mistake, and not to be shown either.
      var entries = window.performance && performance.getEntriesByType && performance.getEntriesByType('navigation');
      if (first.made === 'past' && first.enforce && entries && entries[0] && entries[0].type === 'back_forward') hide(first);
      else if (FRESH_PARAMETER.test(location.search)) {
        var clean = location.search.replace(FRESH_PARAMETER, function (_, before, after) { return after ? before : ''; });
        history.replaceState(history.state, '', location.pathname + clean + location.hash);
      }
    }
    window.addEventListener('pageshow', function (event) {
      var now = event.persisted && judge(meta && meta.content);
      if (now && now.enforce && (now.made === 'foreign' || now.made === 'past')) hide(now);
    });
  } catch (_) { /* No leave to read cookies, as in a sandbox: nothing can be told apart. */ }
})();
