// An executable assembly: a client of the Runtime API of its own.

using System;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;

static class Alone
{
    static async Task Main()
    {
        var root = $"http://{Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API")}/2018-06-01/runtime/invocation/";
        using (var http = new HttpClient())
        {
            while (true)
            {
                var got = await http.GetAsync(root + "next");
                var id = got.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").Single();
                var answer = "[\"alone\"," + await got.Content.ReadAsStringAsync() + "]";
                await http.PostAsync(root + id + "/response", new StringContent(answer));
            }
        }
    }
}
